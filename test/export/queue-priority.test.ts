import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import fc from 'fast-check';
import { BatchRecordExporter } from '../../src/export/batch-record-exporter.ts';
import { MemoryRecordQueue } from '../../src/export/memory-record-queue.ts';
import { laneOf, type RecordBatch } from '../../src/export/record-queue.ts';
import type { ExecutionRecord } from '../../src/records/execution-record.ts';
import { failure, runRecord, stepRecord } from '../support/execution-records.ts';
import { unaccounted } from '../support/record-accounts.ts';
import { codedError, ScriptedRecordStore } from '../support/scripted-record-store.ts';

beforeEach(() => {
  jest.useFakeTimers();
});

afterEach(() => {
  jest.useRealTimers();
});

const EVERYTHING = { records: Number.MAX_SAFE_INTEGER, bytes: Number.MAX_SAFE_INTEGER };

function namesOf(batch: RecordBatch | undefined): string[] {
  return (batch?.records ?? []).map(({ name }) => name);
}

/** A queue of `maxQueueSize` records, and how many it dropped. */
function queueOf(maxQueueSize: number, maxQueueBytes = Number.MAX_SAFE_INTEGER) {
  const dropped = { count: 0 };
  const queue = new MemoryRecordQueue({ maxQueueSize, maxQueueBytes }, (_reason, count) => {
    dropped.count += count;
  });
  return { queue, dropped };
}

function ok(name: string): ExecutionRecord {
  return stepRecord({ name });
}

function failed(name: string): ExecutionRecord {
  return stepRecord({ name, ...failure() });
}

describe('a full queue', () => {
  it('evicts the oldest ok step, then refuses new ok steps, then the newest of the rest', () => {
    const { queue, dropped } = queueOf(3);
    for (const record of [ok('a'), ok('b'), ok('c'), ok('d'), failed('1'), runRecord({ name: '2' })]) {
      queue.append(record);
    }
    expect(dropped.count).toBe(3);
    queue.append(failed('3'));
    for (const record of [ok('e'), failed('4'), runRecord({ name: '5' })]) queue.append(record);
    expect(namesOf(queue.take(EVERYTHING))).toEqual(['1', '2', '3']);
    expect(dropped.count).toBe(7);
  });

  it('is bounded in bytes too', () => {
    const { queue, dropped } = queueOf(1_000_000, 100_000);
    for (let index = 0; index < 100; index++) queue.append(stepRecord({ attributes: 'x'.repeat(9_000) }));
    expect(queue.stats().bytes).toBeLessThanOrEqual(100_000);
    expect(queue.stats().records).toBeGreaterThan(8);
    queue.append(stepRecord({ ...failure(), errorStack: 'x'.repeat(80_000) }));
    expect(queue.stats().bytes).toBeLessThanOrEqual(100_000);
    expect(laneOf(queue.take(EVERYTHING)?.records[0] as ExecutionRecord)).toBe('first');
    expect(queue.stats().records + dropped.count).toBe(101);
  });

  it('lets a failure in over ok steps in flight, and gives those up when they come back', () => {
    const { queue, dropped } = queueOf(2);
    for (const record of [ok('a'), ok('b')]) queue.append(record);
    const batch = queue.take(EVERYTHING) as RecordBatch;
    for (const record of [ok('c'), failed('1'), failed('2'), failed('3')]) queue.append(record);
    expect(dropped.count).toBe(2);
    expect(queue.stats().records).toBe(4);
    queue.giveBack(batch);
    expect(dropped.count).toBe(4);
    expect(namesOf(queue.take(EVERYTHING))).toEqual(['1', '2']);
  });

  it('keeps the order of what is given back in part', () => {
    const { queue } = queueOf(10_000);
    const names = Array.from({ length: 2_000 }, (_, index) => String(index));
    for (const name of names) queue.append(ok(name));
    const batch = queue.take({ records: 1_500, bytes: Number.MAX_SAFE_INTEGER }) as RecordBatch;
    expect(queue.settle(batch, [0, 1, 700, 1])).toBe(3);
    queue.giveBack(batch);
    expect(queue.settle(batch)).toBe(0);
    expect(namesOf(queue.take(EVERYTHING))).toEqual(
      names.filter((name) => !['0', '1', '700'].includes(name)),
    );
  });

  /** A step of the model: append a record of a lane, take some, settle or give back what is in flight. */
  const operation = fc.oneof(
    { weight: 6, arbitrary: fc.constantFrom('ok', 'failed') },
    { weight: 1, arbitrary: fc.constantFrom('take', 'settle', 'giveBack') },
  );

  it('never drops a failure while an ok step waits, and accounts for every record, at any fill level', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 12 }),
        fc.array(operation, { maxLength: 120 }),
        (size, operations) => {
          const { queue, dropped } = queueOf(size);
          let appended = 0;
          let settled = 0;
          let failuresHeld = 0;
          let batch: RecordBatch | undefined;
          for (const name of operations) {
            const droppedBefore = dropped.count;
            if (name === 'take') batch ??= queue.take({ records: 3, bytes: 1e9 });
            else if (name === 'settle' && batch !== undefined) {
              failuresHeld -= batch.records.filter((record) => record.name === 'failed').length;
              settled += queue.settle(batch);
              batch = undefined;
            } else if (name === 'giveBack' && batch !== undefined) {
              queue.giveBack(batch);
              batch = undefined;
              expect(queue.stats().records).toBeLessThanOrEqual(size);
            } else if (name === 'failed') {
              appended++;
              queue.append(failed('failed'));
              // Refused only when failures alone fill the queue.
              if (failuresHeld < size) failuresHeld++;
              else expect(dropped.count).toBe(droppedBefore + 1);
            } else if (name === 'ok') {
              appended++;
              queue.append(ok('ok'));
            }
            expect(appended).toBe(queue.stats().records + settled + dropped.count);
          }
          if (batch !== undefined) queue.giveBack(batch);
          const rest = namesOf(queue.take(EVERYTHING));
          expect(rest.filter((name) => name === 'failed')).toHaveLength(failuresHeld);
          expect(rest.length).toBeLessThanOrEqual(size);
        },
      ),
    );
  });
});

describe('a burst in one tick', () => {
  it.each([10_000, 100_000])(
    'of %i records with 5 %% failures, while the store is away, keeps every failure',
    async (count) => {
      const store = new ScriptedRecordStore({
        write: () => {
          throw codedError('ECONNREFUSED');
        },
      });
      const exporter = new BatchRecordExporter(store, { maxQueueSize: 8_000 });
      for (let index = 0; index < count; index++) {
        exporter.export(index % 20 === 0 ? stepRecord(failure()) : stepRecord());
      }
      await jest.advanceTimersByTimeAsync(20_000);
      expect(exporter.accounts()).toMatchObject({ created: count, queued: 8_000 });
      expect(unaccounted(exporter.accounts())).toBe(0);
      store.script = {};
      await jest.advanceTimersByTimeAsync(20_000);
      const failures = [...store.rows.values()].filter((record) => record.outcome === 'failure');
      expect(failures).toHaveLength(count / 20);
      expect(exporter.accounts()).toMatchObject({ stored: 8_000, dropped: { queue_full: count - 8_000 } });
    },
  );

  it("that fits the queue loses nothing, where the SDK's BatchSpanProcessor keeps 2,048", async () => {
    const store = new ScriptedRecordStore();
    const exporter = new BatchRecordExporter(store);
    for (let index = 0; index < 50_000; index++) exporter.export(stepRecord());
    await jest.advanceTimersByTimeAsync(100);
    expect(store.rows.size).toBe(50_000);
  });
});
