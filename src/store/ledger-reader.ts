import type { ExecutionRow, SqlValue } from './execution-row.ts';

/** Which runs to list. All given fields must match. */
export interface RunFilter {
  /** Only runs whose outcome is failure, error or timeout. */
  readonly failed?: boolean;
  /** Name of the pipeline; `*` stands for any characters. */
  readonly name?: string;
  /** Only runs started at or after this time, milliseconds since the Unix epoch. */
  readonly sinceMs?: number;
  readonly tenant?: string;
  readonly correlationId?: string;
  /** Also executions that were started inside another pipeline. @default false */
  readonly nested?: boolean;
  /** @default 20 */
  readonly limit?: number;
}

/** Failures with one cause, over all runs. */
export interface FailureGroup {
  readonly fingerprint: string;
  readonly error_type: string;
  readonly error_message: string | null;
  /** The pipeline and the execution that failed first, as of the newest failure. */
  readonly pipeline: string | null;
  readonly failed_step: string;
  /** How many executions failed first with this cause. */
  readonly count: number;
  readonly first_seen: number;
  readonly last_seen: number;
  readonly last_run_id: string;
}

/** Facts about the ledger itself. */
export interface LedgerStats {
  readonly records: number;
  readonly runs: number;
  readonly failedRuns: number;
  readonly quarantined: number;
  readonly oldestStartedAt: number | null;
  readonly newestStartedAt: number | null;
  /** Bytes of the database with its journal files. */
  readonly bytes: number;
  /** Newest migration applied, and newest this version knows. */
  readonly schema: string | null;
  readonly schemaKnown: string;
}

/** Result of a query of the user's own. */
export interface QueryResult {
  readonly columns: readonly string[];
  readonly rows: readonly (readonly SqlValue[])[];
}

/** Reads a ledger, also one that is being written. Never changes it. */
export interface LedgerReader {
  /** Newest first. Only the outermost executions of each run, unless `nested`. */
  runs(filter?: RunFilter): Promise<readonly ExecutionRow[]>;
  /**
   * The records of one run in order of start, each after the one it belongs to; by its run id, the start of one, or any
   * record id in it. Of a longer run than `limit` (10,000 unless told) those that failed, those that were stored first, and
   * what they belong to.
   */
  run(id: string, options?: { readonly limit?: number }): Promise<readonly ExecutionRow[]>;
  /** How many records a run has, by its whole run id. */
  runSize(runId: string): Promise<number>;
  /** Newest first. */
  failures(filter?: { readonly sinceMs?: number; readonly limit?: number }): Promise<readonly FailureGroup[]>;
  /** Runs one statement that only reads; anything else is refused with a clear error. */
  query(sql: string): Promise<QueryResult>;
  stats(): Promise<LedgerStats>;
  close(): Promise<void>;
}
