import { existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { DiagLogLevel, diag } from '@opentelemetry/api';
import type { SpoolRecordQueue } from '../../src/spool/spool-record-queue.ts';
import { runRecord, stepRecord } from '../support/execution-records.ts';
import { drain } from './describe-record-queue.ts';
import { createSpoolFolder, type SpoolFolder } from './spool-folder.ts';

let folder: SpoolFolder;
let log: string[];

beforeEach(() => {
  // What is asynchronous here is the file system, which goes on in real time.
  jest.useFakeTimers({ doNotFake: ['setImmediate', 'nextTick', 'queueMicrotask', 'performance', 'Date'] });
  folder = createSpoolFolder();
  log = [];
  const keep = (line: string): void => {
    log.push(line);
  };
  const logger = { error: keep, warn: keep, info: keep, debug: keep, verbose: keep };
  diag.setLogger(logger, { logLevel: DiagLogLevel.INFO, suppressOverrideMessage: true });
});

afterEach(() => {
  diag.disable();
  folder.remove();
  jest.useRealTimers();
});

function append(queue: SpoolRecordQueue, from: number, to: number): void {
  for (let seq = from; seq <= to; seq++) queue.append(stepRecord({ seq, name: String(seq) }));
}

function numbers(from: number, to: number): string[] {
  return Array.from({ length: to - from + 1 }, (_, at) => String(from + at));
}

async function until(isSo: () => boolean): Promise<void> {
  while (!isSo()) await nextTurn();
}

describe('a disk that fails', () => {
  it('is tried again every 30 s, and gets what was gathered meanwhile, in order', async () => {
    const directory = join(folder.path, 'spool');
    writeFileSync(directory, 'in the way');
    let now = 0;
    const { queue, path } = folder.open({ directory, maxQueueSize: 50, now: () => now });
    append(queue, 1, 20);
    queue.appendStart(runRecord({ name: 'run', seq: 0, state: 'running' }));
    expect(queue.durability).toBe('memory');

    now = 30_000;
    jest.advanceTimersByTime(30_000);
    for (let turn = 0; turn < 20; turn++) await nextTurn();
    expect(queue.durability).toBe('memory');
    append(queue, 21, 40);

    rmSync(directory);
    now = 60_000;
    jest.advanceTimersByTime(30_000);
    await until(() => queue.durability === 'process');
    append(queue, 41, 60);
    expect(log).toEqual([
      expect.stringMatching(/^runledger: the spool can not be written \(E\w+\)/),
      'runledger: the spool is written as usual again, after 60.0 s',
    ]);
    expect(existsSync(path)).toBe(true);
    expect(queue.stats()).toMatchObject({ records: 50, spooled: 10 });
    expect(queue.close()).toEqual({ left: 60, dropped: 0 });

    const { queue: next } = folder.open({ directory });
    expect(await next.adopt()).toMatchObject([{ records: 60, losses: [] }]);
    expect(drain(next).toSorted()).toEqual(['run', ...numbers(1, 60)].toSorted());
  });

  it('gets nothing that was dropped meanwhile', async () => {
    const directory = join(folder.path, 'spool');
    writeFileSync(directory, 'in the way');
    const { queue } = folder.open({ directory, maxQueueSize: 10 });
    append(queue, 1, 15);
    rmSync(directory);
    jest.advanceTimersByTime(30_000);
    await until(() => queue.durability === 'process');
    expect(queue.close()).toEqual({ left: 10, dropped: 0 });
    const { queue: next } = folder.open({ directory });
    await next.adopt();
    expect(drain(next)).toEqual(numbers(6, 15));
  });

  it('is probed where there is nothing to write, and no file of that stays', async () => {
    const directory = join(folder.path, 'spool');
    writeFileSync(directory, 'in the way');
    const { queue, path } = folder.open({ directory });
    append(queue, 1, 1);
    drain(queue);
    rmSync(directory);
    jest.advanceTimersByTime(30_000);
    await until(() => queue.durability === 'process');
    expect(folder.names(join('spool', path.split('/').at(-1) ?? ''))).toEqual(['instance', 'owner.lock']);
    mkdirSync(join(directory, 'other'));
    queue.close();
    queue.forgetOwn();
    expect(folder.names('spool')).toEqual(['other']);
  });
});

describe('a disk that is slow', () => {
  it('is written behind the back of the application until it has been fast for a minute', async () => {
    let now = 0;
    let delay = 0;
    const clock = (): number => {
      now += delay;
      return now;
    };
    const { queue, instanceId } = folder.open({ now: clock, maxQueueSize: 10 });
    append(queue, 1, 6);
    expect(queue.durability).toBe('process');
    delay = 10_000;
    append(queue, 7, 7);
    delay = 0;
    expect(queue.durability).toBe('memory');
    expect(log).toEqual([expect.stringMatching(/^runledger: writing to the spool took \d+ ms/)]);

    append(queue, 8, 30);
    expect(queue.waiting).toBe(30);
    jest.advanceTimersByTime(1);
    await until(() => queue.stats().spooled === 20);
    expect(folder.names(instanceId)).toContain('S-000002.seg');
    append(queue, 31, 35);

    now += 60_000;
    expect(queue.durability).toBe('process');
    append(queue, 36, 40);
    expect(drain(queue)).toEqual(numbers(1, 40));
    expect(log).toHaveLength(2);
  });

  it('is tried again, if it had a rest, before anything is dropped', () => {
    let now = 0;
    let delay = 0;
    const clock = (): number => {
      now += delay;
      return now;
    };
    const { queue, dropped } = folder.open({ now: clock, maxQueueBytes: 100_000 });
    delay = 10_000;
    append(queue, 1, 1);
    delay = 0;
    append(queue, 2, 50);
    expect(queue.durability).toBe('memory');
    now += 59_000;
    append(queue, 51, 500);
    expect(queue.durability).toBe('process');
    expect(dropped).toEqual([]);
    expect(drain(queue)).toEqual(numbers(1, 500));
  });
});
