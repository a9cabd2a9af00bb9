import { describe, expect, it } from '@jest/globals';
import type { DropReason } from '../../src/export/record-exporter.ts';
import type { RecordBatch, RecordQueue } from '../../src/export/record-queue.ts';
import type { ExecutionRecord } from '../../src/records/execution-record.ts';
import { failure, processRecord, runRecord, stepRecord } from '../support/execution-records.ts';

export const EVERYTHING = { records: Number.MAX_SAFE_INTEGER, bytes: Number.MAX_SAFE_INTEGER };

/** What a queue reported as dropped. */
export interface Dropped {
  readonly reason: DropReason | undefined;
  readonly records: number;
  readonly firstSeq?: number;
}

/** A queue to test, with what it dropped. */
export interface TestedQueue {
  readonly queue: RecordQueue;
  readonly dropped: Dropped[];
}

export function namesOf(batch: RecordBatch | undefined): string[] {
  return (batch?.records ?? []).map(({ name }) => name);
}

/** Everything that waits, taken and settled. */
export function drainRecords(queue: RecordQueue, limit = EVERYTHING): ExecutionRecord[] {
  const records: ExecutionRecord[] = [];
  for (let batch = queue.take(limit); batch !== undefined; batch = queue.take(limit)) {
    records.push(...batch.records);
    queue.settle(batch);
  }
  return records;
}

/** The same, by name. */
export function drain(queue: RecordQueue, limit = EVERYTHING): string[] {
  return drainRecords(queue, limit).map(({ name }) => name);
}

/** The contract every queue honours; a new queue gets its tests by calling this once. `open` gives a roomy queue. */
export function describeRecordQueue(name: string, open: () => TestedQueue): void {
  describe(name, () => {
    it('delivers records as they were appended, the first lane before the second', () => {
      const { queue } = open();
      const records = [
        stepRecord({ seq: 1, name: 'ok', attributes: '{"emoji":"🦊","quote":"\\""}', durationMs: 0.25 }),
        stepRecord({ seq: 2, ...failure('no\nroute') }),
        processRecord({ seq: 3, flags: ['late'] }),
        runRecord({
          seq: 0,
          state: 'suspended',
          outcome: undefined,
          endedAt: undefined,
          durationMs: undefined,
        }),
      ];
      for (const record of records) queue.append(record);
      expect(queue.waiting).toBe(4);
      const [ok, ...first] = records;
      expect(queue.take(EVERYTHING)?.records).toEqual([...first, ok]);
      expect(queue.waiting).toBe(0);
      expect(queue.take(EVERYTHING)).toBeUndefined();
    });

    it('takes no more than the limit, and one record whatever its size', () => {
      const { queue } = open();
      for (const name of ['a', 'b', 'c', 'd'])
        queue.append(stepRecord({ name, attributes: 'x'.repeat(5_000) }));
      expect(namesOf(queue.take({ records: 2, bytes: 1e9 }))).toEqual(['a', 'b']);
      expect(namesOf(queue.take({ records: 9, bytes: 1 }))).toEqual(['c']);
      expect(namesOf(queue.take({ records: 9, bytes: 8_000 }))).toEqual(['d']);
    });

    it('counts what is taken until it is settled, each record once', () => {
      const { queue } = open();
      for (const name of ['a', 'b', 'c']) queue.append(stepRecord({ name }));
      const batch = queue.take(EVERYTHING) as RecordBatch;
      expect(queue.stats().records).toBe(3);
      expect(queue.settle(batch, [1, 1, 99])).toBe(1);
      expect(queue.settle(batch, [1])).toBe(0);
      expect(queue.stats().records).toBe(2);
      expect(queue.settle(batch)).toBe(2);
      expect(queue.settle(batch)).toBe(0);
      expect(queue.stats()).toMatchObject({ records: 0, bytes: 0, spooled: 0, oldestSeq: undefined });
    });

    it('puts what is not settled back in its order, ahead of what came later', () => {
      const { queue } = open();
      for (const name of ['a', 'b', 'c']) queue.append(stepRecord({ name }));
      queue.append(runRecord({ name: 'run 1' }));
      const batch = queue.take(EVERYTHING) as RecordBatch;
      queue.append(stepRecord({ name: 'd' }));
      queue.append(runRecord({ name: 'run 2' }));
      queue.settle(batch, [2]);
      queue.giveBack(batch);
      expect(queue.settle(batch)).toBe(0);
      queue.giveBack(batch);
      expect(drain(queue)).toEqual(['run 1', 'run 2', 'a', 'c', 'd']);
    });

    it('names the lowest seq that is not settled, waiting or in flight', () => {
      const { queue } = open();
      expect(queue.stats().oldestSeq).toBeUndefined();
      for (let seq = 1; seq <= 5; seq++) queue.append(seq === 2 ? runRecord({ seq }) : stepRecord({ seq }));
      expect(queue.stats().oldestSeq).toBe(1);
      const batch = queue.take({ records: 3, bytes: 1e9 }) as RecordBatch;
      expect(batch.records.map(({ seq }) => seq)).toEqual([2, 1, 3]);
      expect(queue.stats().oldestSeq).toBe(1);
      queue.settle(batch);
      expect(queue.stats().oldestSeq).toBe(4);
      queue.append(runRecord({ seq: 0, state: 'suspended' }));
      expect(queue.stats().oldestSeq).toBe(0);
    });

    it('says once what was in it when it closed, and takes nothing in or out afterwards', () => {
      const { queue, dropped } = open();
      for (const name of ['a', 'b', 'c', 'd']) queue.append(stepRecord({ name }));
      const batch = queue.take({ records: 2, bytes: 1e9 }) as RecordBatch;
      queue.settle(batch, [0]);
      const { left, dropped: lost } = queue.close();
      expect(left + lost).toBe(3);
      expect(queue.close()).toEqual({ left: 0, dropped: 0 });
      expect(queue.settle(batch)).toBe(0);
      queue.giveBack(batch);
      expect(queue.take(EVERYTHING)).toBeUndefined();
      expect(queue.stats()).toMatchObject({ records: 0, bytes: 0, spooled: 0, oldestSeq: undefined });
      expect(dropped).toEqual([]);
      queue.append(stepRecord());
      expect(dropped.reduce((sum, { records }) => sum + records, 0)).toBe(1);
    });
  });
}
