import type { ExecutionRecord } from '../records/execution-record.ts';

/** A record the store refused for its content, with the store's reason. */
export interface QuarantinedRecord {
  readonly record: ExecutionRecord;
  /** Code of the error that named the record as the culprit, such as `SQLITE_CONSTRAINT` or an SQLSTATE. */
  readonly reason: string;
}

/** Which record in quarantine. */
export interface QuarantineKey {
  readonly recordId: string;
  readonly rev: number;
}

/**
 * How records are kept between the end of an execution and the store: `process` survives the end of the process,
 * however it ends; `os` a power cut too, but for half a second; `memory` neither.
 */
export type Durability = 'process' | 'os' | 'memory';

/** One life of a process that writes records: what the ledger knows of it, in `ledger_instances`. */
export interface LedgerInstance {
  readonly instanceId: string;
  readonly serviceName: string;
  readonly serviceVersion?: string | undefined;
  readonly host: string;
  readonly pid: number;
  readonly durability: Durability;
  /** Milliseconds since the Unix epoch, as all times here. */
  readonly startedAt: number;
  /** When it was last known to live. */
  readonly heartbeatAt: number;
  /** When it shut down or was found dead; undefined while it lives. */
  readonly endedAt?: number | undefined;
  /** The highest `seq` it has given out: what should be accounted for. */
  readonly lastSeq: number;
  /** Records the keep policy let go; they have no `seq`. */
  readonly sampledOut: number;
}

/** Records of an instance that are lost for good, in `record_losses`; also where those are that only a file has: `quarantine_file`. */
export interface RecordLoss {
  readonly instanceId: string;
  /** Gapless number of the loss in its instance, below 0 where another tells of one record; so that telling it twice counts once. */
  readonly lossNo: number;
  /** One of the reasons of `runledger.records.dropped`, `quarantine_dropped` or `quarantine_file`. */
  readonly reason: string;
  readonly records: number;
  /** Lowest and highest `seq` among them; 0 where none had one yet. */
  readonly firstSeq: number;
  readonly lastSeq: number;
  readonly at: number;
}

/** What is written beside records, in the same transaction, so that the ledger can prove what it lacks. */
export interface LedgerReport {
  readonly instances: readonly LedgerInstance[];
  readonly losses: readonly RecordLoss[];
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
  /** How many calls of `write` may be under way at once; of more than two no use is made. @default 1 */
  readonly maxWrites?: number;
  /** Opens and migrates. Called before the first write, and again after it threw. Idempotent. */
  init(): Promise<void>;
  /**
   * Keeps records, and what is reported of the instances that made them: of an instance the higher numbers and the later
   * times stay, and an `endedAt` once it is known. A store without
   * `interrupt` is given none, and `runledger verify` has nothing to go by. A record whose parent another process writes (flag `remote_parent`) is linked with that parent's row, by
   * `linkRemoteChildren`, whichever of the two is written last.
   */
  write(records: readonly ExecutionRecord[], report?: LedgerReport): Promise<void>;
  /**
   * Turns what is still `running` of dead instances into `ended`, `error`, `interrupted`, with `ended_at` the last
   * heartbeat and, on processes and pipelines, the execution that was running as their failed step. Keeps `rev`, so that
   * an end that turns up after all wins. Also those of instances whose last heartbeat is older than `silentBefore`.
   * Idempotent. Resolves to the number of rows.
   */
  interrupt?(instanceIds: readonly string[], silentBefore: number): Promise<number>;
  /**
   * The same for a process that is about to end: blocks for `millis` at most, opens what is not open, and returns
   * whether the records are stored. The one call that may block, and only an `exit` handler makes it. Never throws.
   * A store without it loses what is queued at `process.exit`.
   */
  writeAtExit?(records: readonly ExecutionRecord[], millis: number, report?: LedgerReport): boolean;
  /** Keeps records that `write` refuses for their content, as JSON beside the table. Idempotent. */
  quarantine(records: readonly QuarantinedRecord[]): Promise<void>;
  /** Takes records out of quarantine. Resolves to how many of them were there. */
  discard?(keys: readonly QuarantineKey[]): Promise<number>;
  /** Removes what the policy no longer keeps, in small batches, and gives the space back. */
  prune(policy: RetentionPolicy): Promise<PruneReport>;
  /** Waits for what is under way, then releases everything. Idempotent. */
  close(): Promise<void>;
}
