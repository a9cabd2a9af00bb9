import { spawn, spawnSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { readdirSync, readFileSync, realpathSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { Orders } from './fixtures/faulty-process.ts';
import { createSpoolFolder, type SpoolFolder } from './spool-folder.ts';

const PROGRAM = fileURLToPath(new URL('fixtures/faulty-process.ts', import.meta.url));
const PATIENCE = 120_000;
const INSTANCE = randomUUID();
const hasStrace = spawnSync('strace', ['-o', '/dev/null', 'true'], { stdio: 'ignore' }).status === 0;
const describeIf = (isPossible: boolean) =>
  isPossible || process.env.CI !== undefined ? describe : describe.skip;

let folder: SpoolFolder;

beforeEach(() => {
  folder = createSpoolFolder();
});

afterEach(() => folder.remove());

/** Runs a process with durability `os` and returns the paths it has forced to disk. */
async function syncedBy(orders: Omit<Orders, 'spool'>, ...strace: string[]): Promise<readonly string[]> {
  const directory = join(folder.path, 'made', 'for', 'it');
  const spool = { directory, instanceId: INSTANCE, durability: 'os' };
  const trace = join(folder.path, 'trace');
  const args = [
    '-f',
    '-qq',
    '-y',
    '-o',
    trace,
    '-e',
    'trace=write,fsync,fdatasync',
    '-e',
    'signal=none',
    ...strace,
  ];
  const { NODE_OPTIONS: _, ...env } = process.env;
  const program = [process.execPath, '--no-warnings', PROGRAM, JSON.stringify({ ...orders, spool })];
  const child = spawn('strace', [...args, ...program], { stdio: ['ignore', 'pipe', 'pipe'], env });
  const [, errors] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'close')]);
  expect(errors).toBe('');
  const calls = readFileSync(trace, 'utf8').matchAll(/(?:fsync|fdatasync)\(\d+<([^>]+)>/g);
  return [...calls].map(([, path = '']) => path);
}

/** All that has to be on disk of the instance: its files, its folder, and all above. */
function everythingOf(directory: string): readonly string[] {
  const path = realpathSync(join(directory, INSTANCE));
  const files = readdirSync(path).filter((name) => name.endsWith('.seg'));
  expect(files.length).toBeGreaterThan(1);
  const folders = [path];
  for (let above = dirname(path); above !== dirname(above); above = dirname(above)) folders.push(above);
  return [...files.map((name) => join(path, name)), ...folders];
}

describeIf(hasStrace)('with durability `os`', () => {
  const directory = () => join(folder.path, 'made', 'for', 'it');

  it(
    'files are forced to disk, and the names of all folders on the way to them',
    async () => {
      const synced = await syncedBy({ records: 40, pause: 1_500 });
      expect(synced).toEqual(expect.arrayContaining([...everythingOf(directory())]));
    },
    PATIENCE,
  );

  it(
    'a process that ends at once leaves nothing to chance either',
    async () => {
      const synced = await syncedBy({ records: 40 });
      expect(synced).toEqual(expect.arrayContaining([...everythingOf(directory())]));
    },
    PATIENCE,
  );

  it(
    'what was gathered while the disk hung is forced to disk as well',
    async () => {
      const path = join(directory(), INSTANCE, 'S-000001.seg');
      const synced = await syncedBy(
        { records: 40, pause: 1_500 },
        ...['-e', 'inject=write:delay_enter=600000:when=1..2', '-P', path],
        ...[2, 3, 4, 5, 6].flatMap((number) => ['-P', join(directory(), INSTANCE, `S-00000${number}.seg`)]),
        ...[2, 3, 4, 5, 6].flatMap((number) => ['-P', join(directory(), INSTANCE, `F-00000${number}.seg`)]),
      );
      const files = readdirSync(join(directory(), INSTANCE)).filter((name) => name.endsWith('.seg'));
      expect(files.length).toBeGreaterThan(2);
      const names = new Set(synced.map((each) => each.slice(dirname(path).length + 1)));
      expect([...names].sort()).toEqual(files.sort());
    },
    PATIENCE,
  );
});
