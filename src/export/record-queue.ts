import { isFailed } from '../execution.ts';
import type { ExecutionRecord } from '../records/execution-record.ts';

/**
 * Priority of a record. `first`: failures and every row above a step, which are what a post-mortem starts from.
 * `second`: steps that did not fail. The first lane is delivered first and dropped last.
 */
export type Lane = 'first' | 'second';

/** The lane a record belongs to. */
export function laneOf(record: ExecutionRecord): Lane {
  if (record.kind !== 'step') return 'first';
  return record.outcome !== undefined && isFailed(record.outcome) ? 'first' : 'second';
}

/** How much to take at once. At least one record is taken, whatever its size. */
export interface TakeLimit {
  readonly records: number;
  readonly bytes: number;
}

/** Records taken out for one write. They count as queued until they are settled. */
export interface RecordBatch {
  readonly records: readonly ExecutionRecord[];
}

export interface QueueStats {
  /** Records waiting and in flight. */
  readonly records: number;
  /** Estimated bytes of those. */
  readonly bytes: number;
  /** `seq` of the oldest record not settled, or undefined when there is none. */
  readonly oldestSeq: number | undefined;
}

/** What was in a queue when it closed. */
export interface QueueRemains {
  /** Kept somewhere durable, for the next start. */
  readonly left: number;
  /** Lost with the process. */
  readonly dropped: number;
}

/**
 * Holds records between the span processor and the store. Every record that was appended is later settled, dropped
 * through the listener the queue was made with, or part of what `close` returns: exactly one of the three. All calls
 * are synchronous and O(1) for each record, and none of them throws.
 */
export interface RecordQueue {
  /** Records waiting, without those in flight. */
  readonly waiting: number;
  /** Takes a record in, or drops by priority where there is no room: {@link Lane}. */
  append(record: ExecutionRecord): void;
  /** Takes the oldest records out, the first lane before the second; undefined when nothing waits. */
  take(limit: TakeLimit): RecordBatch | undefined;
  /**
   * Is told that records of a batch need no further care, by their positions in it; all of them without positions.
   * Returns how many were settled by this call: none twice, and none after `close`.
   */
  settle(batch: RecordBatch, positions?: readonly number[]): number;
  /** Puts what is not settled back to where it was taken from, ahead of what came later. */
  giveBack(batch: RecordBatch): void;
  stats(): QueueStats;
  /** Ends the queue: nothing is taken in or out any more. Idempotent: the second time nothing remains. */
  close(): QueueRemains;
}
