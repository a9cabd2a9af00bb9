import type { ExecutionRecord } from '../records/execution-record.ts';

/** Why records can be dropped. A closed list: it is a metric attribute. */
export const DROP_REASONS = [
  'queue_full',
  'spool_full',
  'spool_io_error',
  'corrupt_frame',
  'after_shutdown',
  'shutdown_deadline',
  'quarantine_failed',
  'internal_error',
] as const;

/** One of {@link DROP_REASONS}. */
export type DropReason = (typeof DROP_REASONS)[number];

/**
 * Where every record is. At any moment
 * `created + recovered = stored + queued + spooled + sampledOut + quarantined + sum(dropped)`; `queued` counts what is in
 * flight too. Rows that only say what runs are no records and in none of these.
 */
export interface RecordAccounts {
  readonly created: number;
  /** Taken over from processes that died. */
  readonly recovered: number;
  readonly stored: number;
  /** In memory, and, with a spool, on disk too. */
  readonly queued: number;
  readonly queuedBytes: number;
  /** On disk alone. */
  readonly spooled: number;
  /** Bytes the spool takes on disk. */
  readonly spoolBytes: number;
  readonly sampledOut: number;
  readonly quarantined: number;
  readonly dropped: Readonly<Record<DropReason, number>>;
}

/** What a shutdown did with the records it found. */
export interface ShutdownReport {
  /** Stored during the shutdown. */
  readonly stored: number;
  /** Still kept in the spool, for the next start. 0 with durability `memory`. */
  readonly left: number;
  /** Given up at the deadline, and counted as dropped. */
  readonly dropped: number;
}

/** What runs in this process, as rows without a `seq`. */
export interface RunningExecutions {
  /** Those that started before a time (milliseconds since the Unix epoch) and were not returned before; `limit` at most. */
  unshown(startedBefore: number, limit: number): readonly ExecutionRecord[];
  /** One of those that run, whichever; undefined where none does. */
  any(): ExecutionRecord | undefined;
}

/** Takes records from the span processor to a store. Nothing here throws into, or blocks, the caller. */
export interface RecordExporter {
  /** Numbers the record, counts it as created and takes it in. Returns at once; a full queue drops by priority. */
  export(record: ExecutionRecord): void;
  /** Whether {@link started} is to be called: what is queued outlives the process. */
  readonly keepsStarts: boolean;
  /** Keeps that an execution started, for the case that the process dies before it ends. Returns at once. */
  started(record: ExecutionRecord): void;
  /** Says where to ask for what runs, so that the store shows it. */
  watchRunning(running: RunningExecutions): void;
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
