import { isFailed } from '../execution.ts';
import type { ExecutionRecord } from '../records/execution-record.ts';
import type { Durability, LedgerInstance, RecordLoss } from '../store/record-store.ts';
import type { QuarantineFiles } from './quarantine-files.ts';
import type { DropReason } from './record-exporter.ts';

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

/** What a queue holds. */
export interface QueueStats {
  /** Records in memory, waiting and in flight. */
  readonly records: number;
  /** Estimated bytes of those. */
  readonly bytes: number;
  /** Records that are on disk alone, waiting to be read. */
  readonly spooled: number;
  /** Bytes of files, of those that are in memory too. */
  readonly spoolBytes: number;
  /** When the oldest record on disk was taken in, milliseconds since the Unix epoch; undefined when there is none. */
  readonly spoolSince: number | undefined;
  /** Share of its room that is taken, from 0 to 1: at 1 records are dropped. */
  readonly fill: number;
  /** Lowest `seq` not settled of this instance, 0 while that of a suspended execution waits; undefined when there is none. */
  readonly oldestSeq: number | undefined;
}

/** What was in a queue when it closed. */
export interface QueueRemains {
  /** Kept somewhere durable, for the next start. */
  readonly left: number;
  /** Lost with the process. */
  readonly dropped: number;
}

/** A dead instance whose records this queue has taken over. */
export interface AdoptedInstance {
  /** Who it was. `heartbeatAt` and `endedAt` are when it was last known to live, `lastSeq` the highest that was found. */
  readonly instance: LedgerInstance;
  /** Records that were found. */
  readonly records: number;
  /** What it lost itself, and what of its files could not be read. */
  readonly losses: readonly RecordLoss[];
}

/**
 * Is told of records that a queue has to give up. One call is of numbered records of this instance alone, with the lowest
 * and the highest `seq`, or of others, with 0 and 0: those without a number, and those that were taken over.
 */
export type DropListener = (reason: DropReason, records: number, firstSeq: number, lastSeq: number) => void;

/**
 * Holds records between the span processor and the store. Every record that was appended or adopted is later settled,
 * dropped through the listener the queue was made with, or part of what `close` returns: exactly one of the three. All
 * calls but `adopt` are synchronous, and none of them throws.
 */
export interface RecordQueue {
  /** How what is appended now is kept. `memory` also while the disk fails. */
  readonly durability: Durability;
  /** Records waiting, in memory or on disk, without those in flight. */
  readonly waiting: number;
  /** Where records are kept that a store refuses for good. Absent where nothing outlives the process. */
  readonly quarantine?: QuarantineFiles;
  /** Takes a record in, or drops by priority where there is no room: {@link Lane}. When it returns, the record is acknowledged. */
  append(record: ExecutionRecord): void;
  /**
   * Keeps that an execution has started, for the case that its end is never seen: a `running` row without a `seq`, which
   * is delivered only by whoever adopts the queue of a process that died. Kept until {@link startsStored} is told of a time
   * after `since`, by default that of the start. Absent where nothing outlives the process.
   */
  appendStart?(record: ExecutionRecord, since?: number): void;
  /** Keeps what is reported as lost for whoever adopts the queue. */
  appendLoss?(loss: RecordLoss): void;
  /** Takes the oldest records out, the first lane before the second; undefined when nothing waits. */
  take(limit: TakeLimit): RecordBatch | undefined;
  /**
   * Is told that records of a batch need no further care, by their positions in it; all of them without positions.
   * Returns how many were settled by this call, without `running` rows: none twice, and none after `close`.
   */
  settle(batch: RecordBatch, positions?: readonly number[]): number;
  /** Puts what is not settled back to where it was taken from, ahead of what came later. */
  giveBack(batch: RecordBatch): void;
  stats(): QueueStats;
  /**
   * Is told that every execution which started before `time` (milliseconds since the Unix epoch) has ended or is known
   * to the store as running, so what is kept of such starts can go.
   */
  startsStored?(time: number): void;
  /** Is told that the store knows of the losses up to this number, so what is kept of those can go. */
  lossesStored?(lossNo: number): void;
  /** Takes over what dead instances left. Their records are delivered like those appended. Never rejects. */
  adopt?(): Promise<readonly AdoptedInstance[]>;
  /** Adopted instances all of whose records are settled, until they are {@link forget}ten. */
  settledInstances?(): readonly AdoptedInstance[];
  /** Removes what is left of an adopted instance: the store knows all of it. */
  forget?(adopted: AdoptedInstance): void;
  /**
   * Is told that the process is about to end: what only memory holds goes to where it outlives it, if it can. On a full
   * disk steps there are dropped for records of the first lane. Returns how many records of this instance are lost with the
   * process all the same; of later calls only {@link appendLoss} and {@link close} have an effect. Absent where nothing outlives the process.
   */
  persist?(): number;
  /** Ends the queue: nothing is taken in or out any more. Idempotent: the second time nothing remains. */
  close(): QueueRemains;
  /**
   * Is told, after {@link close}, that the store knows of the end of this instance: what else would say so to whoever adopts it
   * is removed, if nothing is left.
   */
  forgetOwn?(): void;
}
