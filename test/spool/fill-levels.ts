import assert from 'node:assert/strict';
import fc from 'fast-check';
import type { AdoptedInstance, RecordBatch } from '../../src/export/record-queue.ts';
import type { ExecutionRecord } from '../../src/records/execution-record.ts';
import { failure, runRecord, stepRecord } from '../support/execution-records.ts';
import type { TestedSpool } from './spool-folder.ts';

/** What is done to a queue: so many records of so many characters, or so many taken out. */
interface Operation {
  readonly kind: 'ok' | 'failed' | 'start' | 'take' | 'settle' | 'giveBack';
  readonly count: number;
  readonly size: number;
}

const operation: fc.Arbitrary<Operation> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constantFrom('ok' as const, 'failed' as const),
      count: fc.integer({ min: 1, max: 40 }),
      size: fc.integer({ min: 0, max: 6_000 }),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constantFrom('start' as const, 'take' as const, 'settle' as const, 'giveBack' as const),
      count: fc.integer({ min: 1, max: 60 }),
      size: fc.constant(0),
    }),
  },
);

/** Ways to fill a queue. */
export const operations: fc.Arbitrary<readonly Operation[]> = fc.array(operation, {
  minLength: 5,
  maxLength: 40,
});

/** What became of records, by their seqs. */
interface Followed {
  readonly settled: ReadonlySet<number>;
  /** Failures that were there when the queue closed. */
  readonly failures: ReadonlySet<number>;
}

/**
 * Does what the operations say, and sees that every record is accounted for. `onFailureDropped` is told how many ok steps
 * there are at that moment, and how many of them are in flight. What was `adopted` before are ok steps, with seqs of their own.
 */
export function follow(
  { queue, dropped }: TestedSpool,
  done: readonly Operation[],
  onFailureDropped: (okSteps: number, inFlight: number) => void,
  adopted: readonly AdoptedInstance[] = [],
): Followed {
  const failedSeqs = new Set<number>();
  const isOk = ({ seq }: ExecutionRecord): boolean => !failedSeqs.has(seq);
  const adoptedRecords = adopted.reduce((sum, { records }) => sum + records, 0);
  const failures = new Set<number>();
  const settledSeqs = new Set<number>();
  let seq = 0;
  let settled = 0;
  let okSteps = adoptedRecords;
  let told = 0;
  let batch: RecordBatch | undefined;
  const lost = (): number => recordsOf(dropped);
  for (const { kind, count, size } of done) {
    if (kind === 'take') batch ??= queue.take({ records: count, bytes: 1e9 });
    if (kind === 'giveBack' && batch !== undefined) queue.giveBack(batch);
    if (kind === 'settle' && batch !== undefined) {
      okSteps -= batch.records.filter(isOk).length;
      for (const record of batch.records) {
        failures.delete(record.seq);
        settledSeqs.add(record.seq);
      }
      settled += queue.settle(batch);
    }
    if (kind === 'settle' || kind === 'giveBack') batch = undefined;
    for (let at = 0; at < count && kind === 'start'; at++)
      queue.appendStart(runRecord({ seq: 0, state: 'running' }));
    for (let at = 0; at < count && (kind === 'ok' || kind === 'failed'); at++) {
      seq++;
      if (kind === 'failed') {
        failedSeqs.add(seq);
        failures.add(seq);
      } else okSteps++;
      const shape = kind === 'failed' ? failure() : {};
      queue.append(stepRecord({ seq, ...shape, attributes: JSON.stringify({ x: 'y'.repeat(size) }) }));
      let isFailureDropped = false;
      for (const { records, firstSeq } of dropped.slice(told)) {
        if (records === 1 && failedSeqs.has(firstSeq ?? 0)) {
          isFailureDropped = true;
          failures.delete(firstSeq ?? 0);
        } else okSteps -= records;
      }
      told = dropped.length;
      if (isFailureDropped) onFailureDropped(okSteps, batch?.records.filter(isOk).length ?? 0);
    }
    for (const { records } of dropped.slice(told)) okSteps -= records;
    told = dropped.length;
    const { records, spooled } = queue.stats();
    assert.equal(records + spooled + settled + lost(), seq + adoptedRecords);
  }
  queue.persist();
  const remains = queue.close();
  assert.equal(remains.left + remains.dropped + settled + lost(), seq + adoptedRecords);
  return { settled: settledSeqs, failures };
}

function recordsOf(losses: readonly { readonly records: number }[]): number {
  return losses.reduce((sum, { records }) => sum + records, 0);
}
