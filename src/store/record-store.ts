import type { ExecutionRecord } from '../records/execution-record.ts';

/** A record the store refused for its content, with the store's reason. */
export interface QuarantinedRecord {
  readonly record: ExecutionRecord;
  /** Code of the error that named the record as the culprit, such as `SQLITE_CONSTRAINT` or an SQLSTATE. */
  readonly reason: string;
}

/** Which records to remove. A failed run, with all its records, is kept for `failedMaxAgeMs`. */
export interface RetentionPolicy {
  /** Age, by `endedAt`, past which records of runs without a failure go. Milliseconds. @default 7 days */
  readonly maxAgeMs: number;
  /** Age past which records of failed runs go too. Milliseconds. @default 90 days */
  readonly failedMaxAgeMs: number;
  /** Size of the store past which the oldest go, those of runs without a failure first. Bytes. @default 1 GiB */
  readonly maxBytes: number;
}

/** What a prune removed. */
export interface PruneReport {
  readonly removedByAge: number;
  readonly removedBySize: number;
  /** Bytes the store takes on disk, before and after. */
  readonly bytesBefore: number;
  readonly bytesAfter: number;
}

/**
 * Keeps records. The contract, held by `test/store/describe-record-store.ts`:
 * - `write` is all or nothing and idempotent: it may throw, and the caller may send the same records again; of two
 *   with one `recordId` the higher `rev` stays.
 * - No call blocks the event loop, and none is traced.
 * - Errors keep the driver's `code` (and `errcode` for SQLite), by which the exporter classes them.
 */
export interface RecordStore {
  /** What it is, for messages: `sqlite .runledger/ledger.db`. Never a password. */
  readonly name: string;
  /** Opens and migrates. Called before the first write, and again after it threw. Idempotent. */
  init(): Promise<void>;
  write(records: readonly ExecutionRecord[]): Promise<void>;
  /**
   * The same for a process that is about to end: blocks for `millis` at most, opens what is not open, and returns
   * whether the records are stored. The one call that may block, and only an `exit` handler makes it. Never throws.
   * A store without it loses what is queued at `process.exit`.
   */
  writeAtExit?(records: readonly ExecutionRecord[], millis: number): boolean;
  /** Keeps records that `write` refuses for their content, as JSON beside the table. Idempotent. */
  quarantine(records: readonly QuarantinedRecord[]): Promise<void>;
  /** Removes what the policy no longer keeps, in small batches, and gives the space back. */
  prune(policy: RetentionPolicy): Promise<PruneReport>;
  /** Waits for what is under way, then releases everything. Idempotent. */
  close(): Promise<void>;
}
