import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { RecordQueue } from '../../src/export/record-queue.ts';
import type { ExecutionRecord } from '../../src/records/execution-record.ts';
import { stepRecord } from '../support/execution-records.ts';
import { runNode, startNode } from '../support/node-process.ts';
import { drainRecords } from './describe-record-queue.ts';
import { createSpoolFolder, type SpoolFolder, untilGone } from './spool-folder.ts';

const PROGRAM = 'spool/fixtures/spool-process.ts';
const PATIENCE = 120_000;

let folder: SpoolFolder;
const children: ChildProcess[] = [];

beforeEach(() => {
  folder = createSpoolFolder();
});

afterEach(() => {
  for (const child of children.splice(0)) child.kill('SIGKILL');
  folder.remove();
});

function start(...args: string[]): ReturnType<typeof startNode> {
  const child = startNode(PROGRAM, args);
  children.push(child);
  return child;
}

function run(...args: string[]): ReturnType<typeof runNode> {
  return runNode(PROGRAM, args);
}

/** Lines that a process prints, as it prints them. */
async function untilLines(stdout: Readable, count: number): Promise<string[]> {
  const lines: string[] = [];
  for await (const line of createInterface({ input: stdout })) {
    lines.push(line);
    if (lines.length === count) break;
  }
  return lines;
}

/** What the next process finds of the dead ones, and delivers. */
async function adopted(): Promise<ExecutionRecord[]> {
  const { queue } = folder.open();
  await queue.adopt();
  const records = drainRecords(queue);
  for (const instance of queue.settledInstances()) {
    expect(instance.losses).toEqual([]);
    queue.forget(instance);
  }
  queue.close();
  return records;
}

function seqsOf(records: readonly ExecutionRecord[]): number[] {
  return records
    .filter(({ state }) => state === 'ended')
    .map(({ seq }) => seq)
    .sort((a, b) => a - b);
}

describe('a process that is killed in the midst of it', () => {
  it(
    'loses nothing that was acknowledged, and what had started is known',
    async () => {
      let acknowledged = 0;
      for (const lines of [1, 10, 100, 1_000, 3_000]) {
        const child = start('append', folder.path);
        const printed: string[] = [];
        const reader = createInterface({ input: child.stdout });
        reader.on('line', (line) => {
          printed.push(line);
          if (printed.length === lines) child.kill('SIGKILL');
        });
        await Promise.all([once(child, 'close'), once(reader, 'close')]);
        const records = await adopted();
        const seqs = seqsOf(records);
        const found = new Set(seqs);
        expect(found.size).toBe(seqs.length);
        expect(printed.filter((line) => !found.has(Number(line)))).toEqual([]);
        for (const { name, seq, state } of records)
          expect(name).toBe(state === 'running' ? 'run' : `step ${seq}`);
        expect(records.filter(({ state }) => state === 'running')).toHaveLength(1);
        acknowledged += printed.length;
      }
      expect(acknowledged).toBeGreaterThan(4_000);
    },
    PATIENCE,
  );
});

describe('a process that ends', () => {
  it.each([
    ['exit', 7],
    ['throw', 1],
    ['nothing left to do', 0],
    ['abort', null],
    ['memory', null],
  ] as const)(
    'by %s keeps its exit code, its output and its records',
    async (how, exitCode) => {
      const {
        exitCode: code,
        stdout,
        stderr,
      } = await runNode(PROGRAM, ['end', folder.path, how], {
        // The heap is small, so that it is soon full.
        ...(how === 'memory' && { NODE_OPTIONS: '--max-old-space-size=32' }),
      });
      expect([code, stdout]).toEqual([exitCode, '']);
      if (how === 'exit' || how === 'nothing left to do') expect(stderr).toBe('');
      expect(seqsOf(await adopted())).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
    },
    PATIENCE,
  );
});

describe('the directory of an instance', () => {
  it(
    'is not adopted while its owner lives, be it stopped, and is the moment it is dead',
    async () => {
      const child = start('hold', folder.path);
      await untilLines(child.stdout, 1);
      expect(await adopted()).toEqual([]);
      child.kill('SIGSTOP');
      expect(await adopted()).toEqual([]);
      child.kill('SIGKILL');
      await once(child, 'exit');
      expect(await adopted()).toHaveLength(10);
    },
    PATIENCE,
  );

  it(
    'is adopted by one of many, each record delivered once and none of a living owner',
    async () => {
      const expected: string[] = [];
      for (let count = 0; count < 20; count++) {
        const { queue, instanceId } = folder.open();
        const { appended } = appendTo(queue, 30);
        expected.push(...appended.map((seq) => `record ${instanceId} ${seq}`));
        queue.close();
      }
      const holder = start('hold', folder.path);
      await untilLines(holder.stdout, 1);
      const [living] = readdirSync(folder.path).filter((name) =>
        expected.every((line) => !line.includes(name)),
      );
      const signal = join(folder.path, 'go');
      const adopters = Array.from({ length: 8 }, () => start('adopt', folder.path, signal));
      const printed = adopters.map(async (child) => {
        const lines: string[] = [];
        for await (const line of createInterface({ input: child.stdout })) {
          lines.push(line);
          if (line === 'ready' && ++ready === adopters.length) writeFileSync(signal, '');
        }
        return lines;
      });
      let ready = 0;
      const lines = (await Promise.all(printed)).flat();
      expect(lines.filter((line) => line.startsWith('record')).sort()).toEqual(expected.sort());
      expect(lines.filter((line) => line.startsWith('adopted'))).toHaveLength(20);
      expect(readdirSync(folder.path).sort()).toEqual([living, 'go'].sort());
      holder.kill('SIGKILL');
      await once(holder, 'exit');
      expect(await adopted()).toHaveLength(10);
    },
    PATIENCE,
  );

  it(
    'is adopted again, whole, when its adopter is killed',
    async () => {
      const { queue, path } = folder.open();
      appendTo(queue, 40);
      queue.close();
      for (let count = 0; count < 3; count++) await run('adopt and die', folder.path);
      expect(seqsOf(await adopted())).toHaveLength(40);
      await untilGone(path);
      expect(folder.names()).toEqual([]);
    },
    PATIENCE,
  );

  it(
    'belongs to one process of a cluster, and to one thread',
    async () => {
      await run('cluster', folder.path);
      expect(folder.names()).toHaveLength(4);
      expect(await adopted()).toHaveLength(40);
      const { stdout, stderr } = await run('threads', folder.path);
      expect(stderr).toBe('');
      expect((JSON.parse(stdout) as number[]).sort()).toEqual([10, 5]);
    },
    PATIENCE,
  );
});

/** Appends steps to a queue; returns their seqs. */
function appendTo(queue: RecordQueue, count: number): { readonly appended: readonly number[] } {
  const appended = Array.from({ length: count }, (_, at) => at + 1);
  for (const seq of appended) queue.append(stepRecord({ seq }));
  return { appended };
}
