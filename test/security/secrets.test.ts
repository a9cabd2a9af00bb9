import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { runCli } from '../support/cli.ts';
import { freePort } from '../support/free-port.ts';
import { createProgramFolder, type ProgramFolder } from '../support/program.ts';
import { changeFile } from '../support/sqlite-files.ts';

const PROGRAM = fileURLToPath(new URL('programs/canaries.mjs', import.meta.url));
const CANARY = /canary-[a-z-]+-5ecre7/g;
/** Password of a store that nobody answers at: what is recorded stays in the spool. */
const AWAY = 'postgres://ledger:canary-store-5ecre7@127.0.0.1:1/ledger';

let folder: ProgramFolder;
beforeEach(async () => {
  folder = await createProgramFolder();
});
afterEach(() => folder.remove());

/** Every secret in a text, or in what it says between the lines of a file. */
function secretsIn(text: string): readonly string[] {
  return [...new Set(text.match(CANARY) ?? [])];
}

async function filesBelow(path: string): Promise<readonly string[]> {
  const entries = await readdir(path, { withFileTypes: true, recursive: true });
  return entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
}

const COMMANDS = [
  ['runs'],
  ['failures'],
  ['verify', '--all'],
  ['quarantine'],
  ['sql', 'select * from execution_records'],
] as const;

describe.each([
  ['an SQLite file', undefined],
  ['a database that does not answer', AWAY],
])('secrets, with %s', (_, store) => {
  it('reach no file, no log, no metric and no command', async () => {
    const env = store === undefined ? {} : { RUNLEDGER_STORE: store };
    const ended = await folder.run(PROGRAM, { args: [String(await freePort())], env });
    expect(ended.signal).toBe('SIGKILL');
    expect(ended.stdout).toContain('runledger_execution_duration');
    expect({ stdout: secretsIn(ended.stdout), stderr: secretsIn(ended.stderr) }).toEqual({
      stdout: [],
      stderr: [],
    });

    const files = await filesBelow(folder.path);
    let recorded = 0;
    for (const file of files) {
      const content = await readFile(file, 'latin1');
      if (content.includes('charge') && content.includes('[secret]')) recorded++;
      expect([file, secretsIn(content)]).toEqual([file, []]);
    }
    // Something was there to be searched.
    expect(recorded).toBeGreaterThan(0);

    for (const [command, ...args] of COMMANDS) {
      for (const more of [[], ['--json']]) {
        const { stdout, stderr } = await runCli([command, ...args, ...more], { cwd: folder.path, env });
        expect([command, secretsIn(stdout), secretsIn(stderr)]).toEqual([command, [], []]);
      }
    }
  }, 120_000);
});

describe('secrets, with a ledger that takes no more and quarantines nothing', () => {
  it('reach no file of the quarantine, and no command that reads it', async () => {
    const runProgram = async () => folder.run(PROGRAM, { args: [String(await freePort())] });
    await runProgram();
    await runCli(['recover'], { cwd: folder.path });
    for (const table of ['execution_records', 'record_quarantine']) {
      changeFile(
        join(folder.path, '.runledger', 'ledger.db'),
        `create trigger no_${table} before insert on ${table} begin select raise(abort, 'refused'); end`,
      );
    }
    await runProgram();
    const { stdout } = await runCli(['quarantine', '--json'], { cwd: folder.path });
    expect(JSON.parse(stdout).quarantined.length).toBeGreaterThan(0);
    expect([stdout.includes('[secret]'), secretsIn(stdout)]).toEqual([true, []]);
    const files = (await filesBelow(folder.path)).filter((file) => file.includes('/quarantine/'));
    expect(files.length).toBeGreaterThan(0);
    for (const file of files) expect([file, secretsIn(await readFile(file, 'latin1'))]).toEqual([file, []]);
  }, 120_000);
});

describe('files of the ledger', () => {
  it('belong to their owner alone, whatever the umask', async () => {
    const umask = process.umask(0);
    try {
      await folder.run(PROGRAM, { args: [String(await freePort())] });
    } finally {
      process.umask(umask);
    }
    const files = await filesBelow(folder.path);
    expect(files.some((file) => file.endsWith('.seg'))).toBe(true);
    for (const file of files)
      expect([file, ((await stat(file)).mode & 0o777).toString(8)]).toEqual([file, '600']);
    const entries = await readdir(folder.path, { withFileTypes: true, recursive: true });
    for (const entry of entries.filter((found) => found.isDirectory())) {
      const path = join(entry.parentPath, entry.name);
      expect([path, ((await stat(path)).mode & 0o777).toString(8)]).toEqual([path, '700']);
    }
  }, 60_000);
});
