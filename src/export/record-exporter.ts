import type { ExecutionRecord } from '../records/execution-record.ts';

/** Why a record was dropped. A closed list: it is a metric attribute. */
export type DropReason =
  | 'queue_full'
  | 'spool_full'
  | 'spool_io_error'
  | 'corrupt_frame'
  | 'after_shutdown'
  | 'shutdown_deadline'
  | 'quarantine_failed'
  | 'internal_error';

/**
 * Where every record is. At any moment
 * `created = stored + queued + sampledOut + quarantined + sum(dropped)`; `queued` counts what is in flight too.
 */
export interface RecordAccounts {
  readonly created: number;
  readonly stored: number;
  readonly queued: number;
  readonly queuedBytes: number;
  readonly sampledOut: number;
  readonly quarantined: number;
  readonly dropped: Readonly<Record<DropReason, number>>;
}

/** What a shutdown did with the records it found. */
export interface ShutdownReport {
  /** Stored during the shutdown. */
  readonly stored: number;
  /** Still kept somewhere durable, for the next start. 0 while the queue is in memory. */
  readonly left: number;
  /** Given up at the deadline, and counted as dropped. */
  readonly dropped: number;
}

/** Takes records from the span processor to a store. Nothing here throws into, or blocks, the caller. */
export interface RecordExporter {
  /** Numbers the record, counts it as created and takes it in. Returns at once; a full queue drops by priority. */
  export(record: ExecutionRecord): void;
  /** Counts records the keep policy let go as created and sampled out. They take no `seq`. */
  sampledOut(count: number): void;
  /** Resolves while the queue has room; the way to wait for a slow store. Never rejects. */
  ready(): Promise<void>;
  /** Resolves when everything taken in before the call is stored or given up. Never rejects. */
  forceFlush(): Promise<void>;
  /** Stops the intake, drains until the deadline, closes the store. Callable twice: same promise. Never rejects. */
  shutdown(): Promise<ShutdownReport>;
  accounts(): RecordAccounts;
}
