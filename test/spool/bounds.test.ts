import { existsSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { RecordBatch } from '../../src/export/record-queue.ts';
import type { ExecutionRecord } from '../../src/records/execution-record.ts';
import type { SpoolRecordQueue } from '../../src/spool/spool-record-queue.ts';
import { failure, runRecord, stepRecord } from '../support/execution-records.ts';
import { drain, drainRecords, EVERYTHING } from './describe-record-queue.ts';
import { createSpoolFolder, type SpoolFolder, type TestedSpool, untilGone } from './spool-folder.ts';

let folder: SpoolFolder;

beforeEach(() => {
  folder = createSpoolFolder();
});

afterEach(() => folder.remove());

function append(queue: SpoolRecordQueue, from: number, to: number): void {
  for (let seq = from; seq <= to; seq++) queue.append(stepRecord({ seq, name: String(seq) }));
}

function numbers(from: number, to: number): string[] {
  return Array.from({ length: to - from + 1 }, (_, at) => String(from + at));
}

describe('memory', () => {
  it('holds no more than its bounds, and the rest is read back in order', () => {
    const { queue, dropped } = folder.open({ maxQueueSize: 100, segmentBytes: 20_000 });
    append(queue, 1, 3_000);
    expect(queue.stats()).toMatchObject({ records: 100, spooled: 2_900, oldestSeq: 1 });
    expect(queue.waiting).toBe(3_000);
    expect(drain(queue, { records: 77, bytes: 1e9 })).toEqual(numbers(1, 3_000));
    expect(queue.stats()).toMatchObject({ records: 0, bytes: 0, spooled: 0, spoolSince: undefined });
    expect(dropped).toEqual([]);
  });

  it('is bounded in bytes too', () => {
    const { queue } = folder.open({ maxQueueBytes: 100_000 });
    for (let count = 0; count < 100; count++) queue.append(stepRecord({ attributes: 'x'.repeat(9_000) }));
    expect(queue.stats().bytes).toBeLessThanOrEqual(100_000);
    expect(queue.stats().records).toBeGreaterThan(8);
    expect(queue.waiting).toBe(100);
    expect(drain(queue)).toHaveLength(100);
  });

  it('lets nothing that came later pass what is on disk alone', () => {
    const { queue } = folder.open({ maxQueueSize: 10, segmentBytes: 5_000 });
    append(queue, 1, 50);
    const taken: string[] = [];
    for (let seq = 51; seq <= 200; seq++) {
      const batch = queue.take({ records: 1, bytes: 1e9 }) as RecordBatch;
      taken.push(...batch.records.map(({ name }) => name));
      expect(queue.stats().oldestSeq).toBeLessThanOrEqual(seq - 50);
      queue.settle(batch);
      append(queue, seq, seq);
    }
    expect([...taken, ...drain(queue)]).toEqual(numbers(1, 200));
  });

  it('reads a record that is longer than any piece', () => {
    const { queue } = folder.open({ maxQueueSize: 1 });
    append(queue, 1, 2);
    const long = stepRecord({ seq: 3, attributes: '中'.repeat(200_000) });
    queue.append(long);
    append(queue, 4, 4);
    const batch = queue.take({ records: 2, bytes: 1e9 });
    expect(batch?.records).toHaveLength(2);
    const [read] = queue.take({ records: 1, bytes: 1e9 })?.records ?? [];
    expect(read?.attributes).toBe(long.attributes);
    expect(drain(queue)).toEqual(['4']);
  });
});

describe('files', () => {
  it('go when all of their records are settled', async () => {
    const { queue, path } = folder.open({ segmentBytes: 2_000 });
    append(queue, 1, 20);
    drain(queue);
    await untilGone(`${path}/S-000001.seg`);
  });

  it('go when the store knows of the starts in them, or when all of those have ended', async () => {
    const { queue, path } = folder.open({ segmentBytes: 2_000 });
    const runs = Array.from({ length: 12 }, () => runRecord());
    for (const run of runs) queue.appendStart({ ...run, seq: 0, state: 'running', startedAt: 5_000 });
    queue.append({ ...runs[0], state: 'suspended' } as ExecutionRecord);
    for (const run of runs.slice(2)) queue.append(run);
    // A segment of which one still runs, and one of which none does; the last one is open.
    await untilGone(`${path}/R-000002.seg`);
    queue.startsStored(5_000);
    expect(existsSync(`${path}/R-000001.seg`)).toBe(true);
    queue.startsStored(5_001);
    await untilGone(`${path}/R-000001.seg`);
    expect(queue.stats()).toMatchObject({ records: 11 });
  });

  it('of starts stay until the store knows of them where more run than are known one by one', async () => {
    const { queue, path, instanceId } = folder.open({ segmentBytes: 800 * 1_024 });
    const runs = Array.from({ length: 10_100 }, () => runRecord());
    for (const run of runs) queue.appendStart({ ...run, seq: 0, state: 'running', startedAt: 5_000 });
    const [first, second] = folder.names(instanceId).filter((name) => name.startsWith('R'));
    for (const run of runs) queue.append(run);
    await untilGone(`${path}/${second}`);
    expect(folder.names(instanceId)).toContain(first);
    queue.startsStored(5_001);
    await untilGone(`${path}/${first}`);
  });

  it('of starts take an eighth of the room: the oldest of those go, and no record for them', () => {
    const maxSpoolBytes = 400_000;
    const { queue, path, instanceId, dropped } = folder.open({ maxSpoolBytes, segmentBytes: 5_000 });
    append(queue, 1, 500);
    for (let count = 0; count < 2_000; count++) queue.appendStart(runRecord({ seq: 0, state: 'running' }));
    append(queue, 501, 1_000);
    const starts = folder.names(instanceId).filter((name) => name.startsWith('R'));
    const bytes = starts.reduce((sum, name) => sum + statSync(join(path, name)).size, 0);
    expect(bytes).toBeLessThanOrEqual(maxSpoolBytes / 8);
    expect(bytes).toBeGreaterThan(maxSpoolBytes / 8 - 10_000);
    expect(starts).not.toContain('R-000002.seg');
    expect(dropped).toEqual([]);
    expect(drain(queue)).toEqual(numbers(1, 1_000));
  });

  it('stay while a single record in them is not settled', () => {
    const { queue, instanceId } = folder.open({ segmentBytes: 2_000 });
    append(queue, 1, 30);
    const batch = queue.take(EVERYTHING) as RecordBatch;
    queue.settle(batch, [...batch.records.keys()].slice(1));
    expect(folder.names(instanceId)).toContain('S-000001.seg');
    expect(queue.stats()).toMatchObject({ records: 1, oldestSeq: 1 });
    expect(queue.stats().spoolSince).toBeLessThanOrEqual(Date.now());
  });

  it('are finished with age, by a clock that does not step', () => {
    let now = 0;
    const { queue, instanceId } = folder.open({ now: () => now });
    append(queue, 1, 2);
    now = 59_999;
    append(queue, 3, 3);
    expect(folder.names(instanceId)).toEqual(['S-000001.seg', 'instance', 'owner.lock']);
    now = 60_000;
    append(queue, 4, 4);
    expect(folder.names(instanceId)).toEqual(['S-000001.seg', 'S-000002.seg', 'instance', 'owner.lock']);
  });

  it('stay while the store does not know of a loss that is kept in them', async () => {
    const { queue, path } = folder.open({ segmentBytes: 2_000 });
    const loss = { instanceId: '', reason: 'spool_full', records: 1, firstSeq: 1, lastSeq: 1, at: 1 };
    queue.appendLoss({ ...loss, lossNo: 7 });
    for (let count = 0; count < 20; count++) queue.append(runRecord());
    drain(queue);
    await untilGone(`${path}/F-000002.seg`);
    queue.lossesStored(6);
    queue.startsStored(Date.now());
    expect(existsSync(`${path}/F-000001.seg`)).toBe(true);
    queue.lossesStored(7);
    await untilGone(`${path}/F-000001.seg`);
  });

  it('leave nothing behind when the queue closes with nothing in it, and the store knows of its end', () => {
    const { queue } = folder.open();
    expect(folder.names()).toEqual([]);
    append(queue, 1, 10);
    drain(queue);
    expect(queue.close()).toEqual({ left: 0, dropped: 0 });
    queue.forgetOwn();
    expect(folder.names()).toEqual([]);
  });

  it('say of a queue that closes with nothing in it that its instance has ended, and no more', async () => {
    const { queue, instanceId } = folder.open();
    append(queue, 1, 10);
    drain(queue);
    queue.close();
    const { queue: next } = folder.open();
    const [adopted] = await next.adopt();
    expect(adopted).toMatchObject({ records: 0, losses: [], instance: { instanceId } });
    expect(adopted?.instance.endedAt).toBeGreaterThan(0);
    expect(drain(next)).toEqual([]);
    expect(next.settledInstances()).toEqual([adopted]);
  });

  it('stay when the queue closes with a start that nobody else knows of', async () => {
    const { queue } = folder.open();
    queue.appendStart(runRecord({ name: 'run', seq: 0, state: 'running' }));
    expect(queue.close()).toEqual({ left: 0, dropped: 0 });
    const { queue: next } = folder.open();
    const [adopted] = await next.adopt();
    expect(adopted).toMatchObject({ records: 0, instance: { lastSeq: 0 } });
    expect(drain(next)).toEqual(['run']);
    expect(next.settledInstances()).toHaveLength(1);
  });
});

/** An upper bound of what a failure takes in a file, and the spool's bound in the tests below. */
const BOUND = 128 * 1_024;

const operation = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constantFrom('ok', 'failed'),
      count: fc.integer({ min: 1, max: 40 }),
      size: fc.integer({ min: 0, max: 6_000 }),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constantFrom('take', 'settle', 'giveBack'),
      count: fc.integer({ min: 1, max: 60 }),
      size: fc.constant(0),
    }),
  },
);

describe('a full spool', () => {
  it('gives up the oldest ok steps, keeps new ones slim, and says what it dropped', () => {
    const { queue, dropped } = folder.open({ maxSpoolBytes: BOUND, maxQueueSize: 1 });
    for (let seq = 1; seq <= 1_000; seq++) {
      queue.append(
        stepRecord({ seq, name: String(seq), attributes: JSON.stringify({ x: 'y'.repeat(500) }) }),
      );
    }
    expect(queue.stats().spoolBytes).toBeLessThanOrEqual(BOUND * 0.75);
    const rest = drainRecords(queue);
    expect(dropped.reduce((sum, { records }) => sum + records, rest.length)).toBe(1_000);
    expect(new Set(dropped.map(({ reason }) => reason))).toEqual(new Set(['spool_full']));
    expect(rest.at(-1)).toMatchObject({ name: '1000', flags: ['truncated'] });
    expect(rest.at(-1)?.attributes).toBeUndefined();
    expect(rest.map(({ seq }) => seq)).toEqual(rest.map(({ seq }) => seq).toSorted((a, b) => a - b));
  });

  it('keeps failures until they alone fill it, then refuses the newest', () => {
    const { queue, dropped } = folder.open({ maxSpoolBytes: BOUND, maxQueueSize: 1 });
    append(queue, 1, 500);
    for (let seq = 501; seq <= 900; seq++) queue.append(stepRecord({ seq, name: String(seq), ...failure() }));
    const kept = drain(queue);
    const failures = kept.filter((name) => Number(name) > 500);
    expect(failures.length).toBeGreaterThan(100);
    expect(failures).toEqual(numbers(501, 500 + failures.length));
    expect(kept.length - failures.length).toBeLessThanOrEqual(1);
    expect(dropped.reduce((sum, { records }) => sum + records, kept.length)).toBe(900);
  });

  it('takes ok steps in again once there is room, whole when there is plenty', () => {
    const { queue } = folder.open({ maxSpoolBytes: BOUND, maxQueueSize: 1 });
    append(queue, 1, 1_000);
    drain(queue);
    append(queue, 1_001, 1_010);
    queue.append(stepRecord({ name: 'whole', attributes: '{"a":1}' }));
    const records = drainRecords(queue);
    expect(records).toHaveLength(11);
    expect(records.at(-1)).toMatchObject({ name: 'whole', attributes: '{"a":1}' });
  });

  it('never drops a failure while an ok step is on disk, and accounts for every record, at any fill level', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 64 * 1_024, max: 256 * 1_024 }),
        fc.integer({ min: 1, max: 30 }),
        fc.array(operation, { minLength: 5, maxLength: 40 }),
        (maxSpoolBytes, maxQueueSize, operations) => {
          const spool = folder.open({ maxSpoolBytes, maxQueueSize });
          follow(spool, operations, (okSteps) => {
            const stats = spool.queue.stats();
            expect(stats.spoolBytes).toBeLessThanOrEqual(maxSpoolBytes);
            // What is on disk alone is of the first lane.
            expect(okSteps).toBeLessThanOrEqual(stats.records);
          });
        },
      ),
      { numRuns: 60 },
    );
  });
});

describe('memory, while no file can be written,', () => {
  it('never drops a failure while an ok step waits, and accounts for every record, at any fill level', () => {
    writeFileSync(join(folder.path, 'file'), '');
    const directory = join(folder.path, 'file', 'spool');
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 60 }),
        fc.array(operation, { minLength: 5, maxLength: 40 }),
        (maxQueueSize, operations) => {
          const spool = folder.open({ directory, maxQueueSize });
          follow(spool, operations, (okSteps, inFlight) => {
            // Those in flight can not be taken back.
            expect(okSteps).toBeLessThanOrEqual(inFlight);
          });
        },
      ),
      { numRuns: 100 },
    );
  });

  it('is bounded in bytes, for the records and their frames', () => {
    writeFileSync(join(folder.path, 'file'), '');
    const { queue, dropped } = folder.open({ directory: join(folder.path, 'file'), maxQueueBytes: 100_000 });
    for (let seq = 1; seq <= 100; seq++) queue.append(stepRecord({ seq, attributes: 'x'.repeat(9_000) }));
    expect(queue.stats().bytes).toBeLessThanOrEqual(200_000);
    expect(queue.waiting).toBeGreaterThan(8);
    expect(queue.waiting + dropped.length).toBe(100);
  });

  it('is what the queue is, and nothing of it remains', () => {
    writeFileSync(join(folder.path, 'file'), '');
    const { queue, dropped } = folder.open({ directory: join(folder.path, 'file'), maxQueueSize: 10 });
    for (let seq = 1; seq <= 30; seq++) queue.append(stepRecord({ seq, name: String(seq) }));
    expect(queue.durability).toBe('memory');
    expect(queue.stats()).toMatchObject({ records: 10, spooled: 0, spoolBytes: 0, oldestSeq: 21, fill: 1 });
    expect(dropped).toHaveLength(20);
    const batch = queue.take({ records: 4, bytes: 1e9 }) as RecordBatch;
    queue.settle(batch, [0]);
    queue.giveBack(batch);
    expect(drain(queue, { records: 3, bytes: 1e9 })).toEqual(numbers(22, 30));
    append(queue, 31, 33);
    expect(queue.close()).toEqual({ left: 0, dropped: 3 });
  });
});

/** Does what the operations say, and sees that every record is accounted for. `onFailureDropped` is told how many ok steps there are. */
function follow(
  { queue, dropped }: TestedSpool,
  operations: readonly { readonly kind: string; readonly count: number; readonly size: number }[],
  onFailureDropped: (okSteps: number, inFlight: number) => void,
): void {
  const failedSeqs = new Set<number>();
  const isOk = ({ seq }: ExecutionRecord): boolean => !failedSeqs.has(seq);
  let seq = 0;
  let settled = 0;
  let okSteps = 0;
  let told = 0;
  let batch: RecordBatch | undefined;
  const lost = (): number => dropped.reduce((sum, { records }) => sum + records, 0);
  for (const { kind, count, size } of operations) {
    if (kind === 'take') batch ??= queue.take({ records: count, bytes: 1e9 });
    if (kind === 'giveBack' && batch !== undefined) queue.giveBack(batch);
    if (kind === 'settle' && batch !== undefined) {
      okSteps -= batch.records.filter(isOk).length;
      settled += queue.settle(batch);
    }
    if (kind === 'settle' || kind === 'giveBack') batch = undefined;
    for (let at = 0; at < count && (kind === 'ok' || kind === 'failed'); at++) {
      seq++;
      if (kind === 'failed') failedSeqs.add(seq);
      else okSteps++;
      const shape = kind === 'failed' ? failure() : {};
      queue.append(stepRecord({ seq, ...shape, attributes: JSON.stringify({ x: 'y'.repeat(size) }) }));
      let isFailureDropped = false;
      for (const { records, firstSeq } of dropped.slice(told)) {
        if (records === 1 && failedSeqs.has(firstSeq ?? 0)) isFailureDropped = true;
        else okSteps -= records;
      }
      told = dropped.length;
      if (isFailureDropped) onFailureDropped(okSteps, batch?.records.filter(isOk).length ?? 0);
    }
    for (const { records } of dropped.slice(told)) okSteps -= records;
    told = dropped.length;
    const { records, spooled } = queue.stats();
    expect(seq).toBe(records + spooled + settled + lost());
  }
  const remains = queue.close();
  expect(seq).toBe(remains.left + remains.dropped + settled + lost());
}
