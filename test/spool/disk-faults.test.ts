import { spawn, spawnSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { lstatSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { failure, stepRecord } from '../support/execution-records.ts';
import { drain, drainRecords } from './describe-record-queue.ts';
import type { Orders, Outcome } from './fixtures/faulty-process.ts';
import { createSpoolFolder, type SpoolFolder } from './spool-folder.ts';

const PROGRAM = fileURLToPath(new URL('fixtures/faulty-process.ts', import.meta.url));
const PATIENCE = 120_000;
const NODE = [process.execPath, '--no-warnings', PROGRAM];

let folder: SpoolFolder;

beforeEach(() => {
  folder = createSpoolFolder();
});

afterEach(() => folder.remove());

function works(command: string, ...args: string[]): boolean {
  return spawnSync(command, args, { stdio: 'ignore' }).status === 0;
}

const describeIf = (isPossible: boolean) =>
  isPossible || process.env.CI !== undefined ? describe : describe.skip;
const hasStrace = works('strace', '-o', '/dev/null', 'true');
const hasMounts = works('unshare', '-rm', 'true');

/** Runs the program below another, to its end. */
async function run(
  orders: Omit<Orders, 'spool'> & { spool?: Partial<Orders['spool']> },
  ...below: string[]
): Promise<Outcome> {
  const spool = { directory: folder.path, instanceId: INSTANCE, ...orders.spool };
  const [command = '', ...args] = [...below, ...NODE, JSON.stringify({ ...orders, spool })];
  const { NODE_OPTIONS: _, ...env } = process.env;
  const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'], env });
  const [output, errors] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'close')]);
  expect(errors).toBe('');
  return JSON.parse(output) as Outcome;
}

const INSTANCE = randomUUID();

/** Has strace break system calls on files of the instance: `write:error=EIO:when=3`, or several with a comma between. */
function inject(faults: string, ...files: string[]): string[] {
  const paths = files.flatMap((file) => ['-P', join(folder.path, INSTANCE, file)]);
  const calls = faults.split(',').map((fault) => fault.split(':')[0]);
  const injected = faults.split(',').flatMap((fault) => ['-e', `inject=${fault}`]);
  return ['strace', '-f', '-qq', '-o', '/dev/null', ...paths, '-e', `trace=${calls}`, ...injected];
}

/** The seqs that the next process finds, and how many records it finds damaged. */
async function nextStart(): Promise<{ readonly seqs: number[]; readonly damaged: number }> {
  const { queue } = folder.open();
  const adopted = await queue.adopt();
  const seqs = [...new Set(drainRecords(queue).map(({ seq }) => seq))].sort((a, b) => a - b);
  const losses = adopted.flatMap((instance) => instance.losses);
  return { seqs, damaged: losses.reduce((sum, { records }) => sum + records, 0) };
}

async function recovered(): Promise<number[]> {
  const { seqs, damaged } = await nextStart();
  expect(damaged).toBe(0);
  return seqs;
}

const numbers = (to: number): number[] => Array.from({ length: to }, (_, at) => at + 1);

/** Every record that was appended is delivered, left for the next process, or counted as dropped. */
async function expectIdentity(records: number, { delivered, dropped, remains }: Outcome): Promise<void> {
  const lost = Object.values(dropped).reduce((sum, count) => sum + count, remains.dropped);
  expect(delivered.length + remains.left + lost).toBe(records);
  const { seqs, damaged } = await nextStart();
  expect(seqs.length + damaged).toBe(remains.left);
}

const FAILS = /^runledger: the spool can not be written \((\w+)\): records are kept in memory alone/;

describeIf(hasStrace)('a system call that fails', () => {
  it.each([
    ['write:error=EIO:when=3', 'S-000001.seg', 'EIO'],
    ['write:error=EIO:when=1', 'F-000002.seg', 'EIO'],
    ['openat:error=EMFILE:when=1', 'S-000001.seg', 'EMFILE'],
    ['openat:error=EROFS:when=1', 'owner.lock', 'EROFS'],
    ['mkdir:error=EACCES:when=1', '', 'EACCES'],
  ])(
    '%s on %s leaves records in memory, says so once, and loses none',
    async (fault, file, code) => {
      const outcome = await run({ records: 40 }, ...inject(fault, file));
      expect(outcome.durabilities.at(-1)).toBe('memory');
      expect(outcome.log).toEqual([expect.stringMatching(FAILS)]);
      expect(FAILS.exec(outcome.log[0] ?? '')?.[1]).toBe(code);
      expect(outcome.remains).toEqual({ left: 40, dropped: 0 });
      expect(await recovered()).toEqual(numbers(40));
    },
    PATIENCE,
  );

  it.each([
    ['write:error=ENOSPC:when=5', 'S-000001.seg'],
    ['write:retval=100:when=5', 'S-000001.seg'],
    ['write:error=ENOSPC:when=5+', 'S-000001.seg'],
    ['ftruncate:error=EIO', 'S-000001.seg'],
    ['ftruncate:error=EIO,write:retval=100:when=5', 'S-000001.seg'],
    ['close:error=EIO', 'S-000001.seg'],
    ['write:error=ENOSPC:when=1+', 'instance'],
    ['utimensat:error=EIO', 'instance'],
    ['openat:error=ENOENT:when=1', 'S-000001.seg'],
  ])(
    '%s on %s loses nothing that is not counted',
    async (fault, file) => {
      const options = { records: 60, size: 200, spool: { segmentBytes: 8_000, maxQueueSize: 20 } };
      const outcome = await run(options, ...inject(fault, file));
      await expectIdentity(60, outcome);
      expect(outcome.remains.dropped).toBe(0);
    },
    PATIENCE,
  );

  it(
    'write, for good: what memory had to let go is read back from its files by the process that lives',
    async () => {
      const options = { records: 60, drain: true, spool: { maxQueueSize: 20 } };
      const outcome = await run(options, ...inject('write:error=EIO:when=16+', 'S-000001.seg'));
      expect(outcome.durabilities.at(-1)).toBe('memory');
      // About 15 are in the file, and memory has room for 20 once it has let those go.
      const dropped = outcome.dropped.queue_full ?? 0;
      expect(dropped).toBeGreaterThan(0);
      expect(dropped).toBeLessThan(30);
      expect(outcome.delivered).toEqual(expect.arrayContaining(numbers(13)));
      expect(new Set(outcome.delivered).size).toBe(outcome.delivered.length);
      expect(outcome.delivered).toHaveLength(60 - dropped);
      expect(outcome.remains).toEqual({ left: 0, dropped: 0 });
    },
    PATIENCE,
  );

  it.each(['EIO', 'EROFS'])(
    'write, with %s: steps in files are not given up for failures, since their room would be of no use',
    async (code) => {
      const options = { records: 120, failuresFrom: 61, spool: { maxQueueSize: 20, segmentBytes: 4_000 } };
      const faults = inject(`write:error=${code}:when=1+`, 'S-000004.seg', 'F-000005.seg');
      const outcome = await run(options, ...faults);
      expect(outcome.log).toEqual([expect.stringContaining(code)]);
      expect(Object.keys(outcome.dropped)).toEqual(['queue_full']);
      const kept = await recovered();
      expect(kept.slice(0, 20)).toEqual(numbers(20));
    },
    PATIENCE,
  );

  it(
    'unlink: what can not be removed is delivered again by the next start, and does no harm',
    async () => {
      const options = { records: 60, drain: true, another: true, spool: { segmentBytes: 6_000 } };
      const outcome = await run(options, ...inject('unlink:error=EIO', 'S-000001.seg'));
      expect(outcome.delivered).toHaveLength(60);
      expect(outcome.remains).toEqual({ left: 1, dropped: 0 });
      expect(outcome.log).toEqual([expect.stringContaining('can not be removed (EIO)')]);
      const again = await recovered();
      expect(again.length).toBeGreaterThan(1);
      expect(numbers(61)).toEqual(expect.arrayContaining(again));
    },
    PATIENCE,
  );

  it(
    'fdatasync: what may not have reached the disk is written again, elsewhere',
    async () => {
      const options = { records: 40, pause: 1_200, spool: { durability: 'os' as const } };
      const outcome = await run(
        options,
        ...inject('fdatasync:error=EIO:when=1', 'S-000002.seg', 'S-000001.seg'),
      );
      expect(outcome.durabilities).toEqual(['os']);
      const files = readdirSync(join(folder.path, INSTANCE)).filter((name) => name.startsWith('S'));
      expect(files.length).toBeGreaterThan(1);
      expect(outcome.remains).toEqual({ left: 40, dropped: 0 });
      // Without the file that failed, all of it is still there.
      for (const name of files.slice(0, 1)) rmSync(join(folder.path, INSTANCE, name));
      expect(await recovered()).toEqual(numbers(40));
    },
    PATIENCE,
  );

  it(
    'write, for long: the application does not wait for it again',
    async () => {
      const outcome = await run(
        { records: 200, pause: 100 },
        ...inject('write:delay_enter=1000000', 'S-000001.seg'),
      );
      expect(outcome.durabilities).toEqual(['memory']);
      // Only the first append met the second that each write takes.
      expect(outcome.slowMillis).toBeLessThan(1_000);
      expect(outcome.log).toEqual([expect.stringContaining('writing to the spool took')]);
      expect(outcome.remains).toEqual({ left: 200, dropped: 0 });
      expect(await recovered()).toEqual(numbers(200));
    },
    PATIENCE,
  );
});

describeIf(hasStrace)('any system call on the way', () => {
  const files = numbers(9).flatMap((number) => [`S-00000${number}.seg`, `F-00000${number}.seg`]);

  it.each([
    ['openat', 'EMFILE', 4],
    ['write', 'EIO', 4],
    ['write', 'ENOSPC', 9],
  ] as const)(
    '%s may fail with %s, once or for good, and every record is accounted for',
    async (call, code, last) => {
      let troubled = 0;
      for (let when = 1; when <= last; when += 3) {
        for (const howOften of [`${when}`, `${when}+`]) {
          const options = {
            records: 60,
            size: 300,
            drain: when % 2 === 0,
            spool: { segmentBytes: 6_000, maxQueueSize: 30 },
          };
          const fault = `${call}:error=${code}:when=${howOften}`;
          const outcome = await run(options, ...inject(fault, 'instance', ...files));
          await expectIdentity(60, outcome).catch((error: unknown) => {
            throw new Error(
              `${fault}: ${JSON.stringify({ ...outcome, delivered: outcome.delivered.length })}`,
              { cause: error },
            );
          });
          if (outcome.log.length > 0) troubled++;
          rmSync(folder.path, { recursive: true });
        }
      }
      expect(troubled).toBeGreaterThan(0);
    },
    PATIENCE,
  );
});

describe('a disk', () => {
  it(
    'that may not be written leaves records in memory, within its bounds, failures last',
    async () => {
      const directory = join(folder.path, 'below', 'spool');
      const options = { records: 400, asNobody: true, drain: true, spool: { directory, maxQueueSize: 100 } };
      const outcome = await run(options);
      expect(outcome.durabilities).toEqual(['memory']);
      expect(outcome.log).toEqual([expect.stringMatching(FAILS)]);
      expect(outcome.delivered).toHaveLength(100);
      expect(outcome.dropped).toEqual({ queue_full: 300 });
      expect(outcome.delivered.filter((seq) => seq % 20 === 0)).toHaveLength(20);
    },
    PATIENCE,
  );

  it(
    'that has no file left to open is tried again when the process ends',
    async () => {
      const outcome = await run(
        { records: 40, exhaustFiles: true },
        'bash',
        '-c',
        'ulimit -n 64; exec "$@"',
        '-',
      );
      expect(outcome.durabilities).toEqual(['memory']);
      expect(outcome.log).toEqual([expect.stringContaining('EMFILE')]);
      expect(outcome.remains).toEqual({ left: 40, dropped: 0 });
      expect(await recovered()).toEqual(numbers(40));
    },
    PATIENCE,
  );

  it(
    'whose files must not grow gets more of them',
    async () => {
      const outcome = await run({ records: 200, size: 500 }, 'bash', '-c', 'ulimit -f 16; exec "$@"', '-');
      expect(outcome.durabilities).toEqual(['process']);
      expect(outcome.remains).toEqual({ left: 200, dropped: 0 });
      const sizes = readdirSync(join(folder.path, INSTANCE)).map(
        (name) => lstatSync(join(folder.path, INSTANCE, name)).size,
      );
      expect(Math.max(...sizes)).toBeLessThanOrEqual(16 * 1_024);
      expect(await recovered()).toEqual(numbers(200));
    },
    PATIENCE,
  );

  it(
    'from which the spool is removed gets a new one',
    async () => {
      const outcome = await run({ records: 200, removeSpool: true, spool: { segmentBytes: 4_000 } });
      const { dropped, remains } = outcome;
      expect(remains.left + remains.dropped).toBe(200);
      expect(dropped).toEqual({});
      expect(outcome.durabilities).toEqual(['process']);
      expect(await recovered()).toEqual(numbers(200).slice(-remains.left));
      expect(remains.left).toBeGreaterThan(90);
    },
    PATIENCE,
  );
});

/** Puts a disk of its own size in the place of the folder, for a program that is run below. */
function onDisk(megabytes: number): string[] {
  const mount = `mount -t tmpfs -o size=${megabytes}m none ${folder.path}`;
  return ['unshare', '-rm', 'bash', '-c', `${mount} && exec "$@"`, '-'];
}

describeIf(hasMounts)('a full disk', () => {
  it(
    'never takes a failure’s room for an ok step, be it adopted, and accounts for every record, at any fill level',
    async () => {
      const program = fileURLToPath(new URL('fixtures/full-disk-process.ts', import.meta.url));
      const trials = JSON.stringify({ numRuns: 100 });
      const [command = '', ...args] = [...onDisk(2), process.execPath, '--no-warnings', program];
      const child = spawn(command, [...args, folder.path, trials], { stdio: ['ignore', 'pipe', 'pipe'] });
      const [output, errors] = await Promise.all([
        text(child.stdout),
        text(child.stderr),
        once(child, 'close'),
      ]);
      expect(errors).toBe('');
      const { failuresDropped, stepsDropped } = JSON.parse(output) as Record<string, number>;
      expect(failuresDropped).toBeGreaterThan(0);
      expect(stepsDropped).toBeGreaterThan(0);
    },
    PATIENCE,
  );

  it(
    'keeps every failure until only failures are left',
    async () => {
      const mounted = onDisk(3);
      const options = {
        records: 10_000,
        size: 700,
        drain: true,
        spool: { maxQueueSize: 100, segmentBytes: 100_000 },
      };
      const outcome = await run(options, ...mounted);
      const lost = Object.values(outcome.dropped).reduce((sum, count) => sum + count, 0);
      expect(outcome.delivered.length + lost).toBe(10_000);
      expect(outcome.delivered.length).toBeGreaterThan(1_500);
      expect(outcome.delivered.filter((seq) => seq % 20 === 0)).toHaveLength(500);
    },
    PATIENCE,
  );
});

describe('the files of a spool', () => {
  it('are for their owner alone', () => {
    const { queue, path } = folder.open({ directory: join(folder.path, 'deep', 'spool') });
    queue.append(stepRecord());
    queue.append(stepRecord(failure()));
    const modes = ['', ...readdirSync(path)].map((name) =>
      (lstatSync(join(path, name)).mode & 0o777).toString(8),
    );
    expect(modes).toEqual(['700', '600', '600', '600', '600']);
    expect((lstatSync(join(folder.path, 'deep')).mode & 0o777).toString(8)).toBe('700');
    expect(drain(queue)).toHaveLength(2);
  });
});
