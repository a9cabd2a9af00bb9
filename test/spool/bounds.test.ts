import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { RecordBatch } from '../../src/export/record-queue.ts';
import type { SpoolRecordQueue } from '../../src/spool/spool-record-queue.ts';
import { failure, runRecord, stepRecord } from '../support/execution-records.ts';
import { drain, drainRecords, EVERYTHING } from './describe-record-queue.ts';
import { createSpoolFolder, type SpoolFolder, untilGone } from './spool-folder.ts';

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
  it('go when all of their records are settled and their starts are known to the store', async () => {
    const { queue, path, instanceId } = folder.open({ segmentBytes: 2_000 });
    append(queue, 1, 20);
    queue.appendStart(runRecord({ seq: 0, state: 'running', startedAt: 5_000 }));
    for (let count = 0; count < 10; count++) queue.append(runRecord());
    drain(queue);
    await untilGone(`${path}/S-000001.seg`);
    const started = folder.names(instanceId).find((name) => name.startsWith('F')) as string;
    queue.startsStored(5_000);
    expect(folder.names(instanceId)).toContain(started);
    queue.startsStored(5_001);
    await untilGone(`${path}/${started}`);
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

  it('leave nothing behind when the queue closes with nothing in it', () => {
    const { queue } = folder.open();
    expect(folder.names()).toEqual([]);
    append(queue, 1, 10);
    drain(queue);
    expect(queue.close()).toEqual({ left: 0, dropped: 0 });
    expect(folder.names()).toEqual([]);
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

  it('never drops a failure while an ok step is on disk, and accounts for every record, at any fill level', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 64 * 1_024, max: 256 * 1_024 }),
        fc.integer({ min: 1, max: 30 }),
        fc.array(operation, { minLength: 5, maxLength: 40 }),
        (maxSpoolBytes, maxQueueSize, operations) => {
          const { queue, dropped } = folder.open({ maxSpoolBytes, maxQueueSize });
          const failedSeqs = new Set<number>();
          let seq = 0;
          let settled = 0;
          let okSteps = 0;
          let batch: RecordBatch | undefined;
          let told = 0;
          for (const { kind, count, size } of operations) {
            if (kind === 'take') batch ??= queue.take({ records: count, bytes: 1e9 });
            if (kind === 'giveBack' && batch !== undefined) queue.giveBack(batch);
            if (kind === 'settle' && batch !== undefined) {
              okSteps -= batch.records.filter((record) => !failedSeqs.has(record.seq)).length;
              settled += queue.settle(batch);
            }
            if (kind === 'settle' || kind === 'giveBack') batch = undefined;
            for (let at = 0; at < count && (kind === 'ok' || kind === 'failed'); at++) {
              seq++;
              if (kind === 'failed') failedSeqs.add(seq);
              else okSteps++;
              const shape = kind === 'failed' ? failure() : {};
              queue.append(
                stepRecord({ seq, ...shape, attributes: JSON.stringify({ x: 'y'.repeat(size) }) }),
              );
              let isFailureDropped = false;
              for (; told < dropped.length; told++) {
                const { records, firstSeq } = dropped[told] as { records: number; firstSeq: number };
                if (records === 1 && failedSeqs.has(firstSeq)) isFailureDropped = true;
                else okSteps -= records;
              }
              const stats = queue.stats();
              expect(stats.spoolBytes).toBeLessThanOrEqual(maxSpoolBytes);
              if (isFailureDropped) expect(okSteps).toBeLessThanOrEqual(stats.records);
            }
            const { records, spooled } = queue.stats();
            const lost = dropped.reduce((sum, drop) => sum + drop.records, 0);
            expect(seq).toBe(records + spooled + settled + lost);
          }
          const { left, dropped: remains } = queue.close();
          const lost = dropped.reduce((sum, drop) => sum + drop.records, 0);
          expect(seq).toBe(left + remains + settled + lost);
        },
      ),
      { numRuns: 60 },
    );
  });
});
