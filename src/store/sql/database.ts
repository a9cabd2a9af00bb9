import { type Expression, type RawBuilder, type SqlBool, sql } from 'kysely';
import { isFailed, OUTCOMES } from '../../execution.ts';
import type { ExecutionRow } from '../execution-row.ts';

/** Records a store refused for their content. */
export interface QuarantineTable {
  readonly record_id: string;
  readonly rev: number;
  /** Code of the error that named the record as the culprit. */
  readonly reason: string;
  /** Milliseconds since the Unix epoch. */
  readonly at: number;
  /** The record as JSON. */
  readonly record: string;
  /** Who numbered the record, and its number. */
  readonly instance_id: string;
  readonly seq: number;
}

/** Lives of processes that write, with what each has to account for. */
export interface InstanceTable {
  readonly instance_id: string;
  readonly service_name: string;
  readonly service_version: string | null;
  readonly host: string;
  readonly pid: number;
  readonly durability: string;
  /** Milliseconds since the Unix epoch, as all times here. */
  readonly started_at: number;
  readonly heartbeat_at: number;
  readonly ended_at: number | null;
  /** The highest `seq` it has given out. */
  readonly last_seq: number;
  /** Records the keep policy let go; they have no `seq`. */
  readonly sampled_out: number;
  /** Records with a `seq` that retention has removed. */
  readonly pruned: number;
}

/** Records that are lost for good. */
export interface LossTable {
  readonly instance_id: string;
  readonly loss_no: number;
  readonly reason: string;
  readonly records: number;
  /** 0 where none of the records had a number yet. */
  readonly first_seq: number;
  readonly last_seq: number;
  readonly at: number;
}

/** Executions that failed, or were tried again, and whose parent another process writes. */
export interface RemoteChildTable {
  readonly record_id: string;
  readonly parent_record_id: string;
  readonly run_id: string;
}

/** Which migrations a ledger has seen. */
export interface MigrationTable {
  readonly name: string;
  /** Milliseconds since the Unix epoch. */
  readonly applied_at: number;
}

/** The tables of a ledger, for kysely. */
export interface LedgerDatabase {
  readonly execution_records: ExecutionRow;
  readonly record_quarantine: QuarantineTable;
  readonly ledger_instances: InstanceTable;
  readonly record_losses: LossTable;
  readonly remote_children: RemoteChildTable;
  readonly runledger_migrations: MigrationTable;
}

/**
 * `outcome in ('failure', 'error', 'timeout')`, spelled out and not bound: SQLite uses a partial index only where
 * the query repeats the index's own condition.
 */
export const FAILED_OUTCOME: RawBuilder<SqlBool> = sql<SqlBool>`outcome in (${sql.join(
  OUTCOMES.filter(isFailed).map((outcome) => sql.lit(outcome)),
)})`;

/** `state = 'running'`, spelled out for the same reason. */
export const IS_RUNNING: RawBuilder<SqlBool> = sql<SqlBool>`state = 'running'`;

/** Executions that a list of runs can show: outermost ones, and pipelines inside pipelines. */
export const IS_RUN: Expression<SqlBool> = sql<SqlBool>`(kind = 'pipeline' or parent_record_id is null)`;

/** Index of what {@link IS_RUN} selects, in time order, with what runs are filtered by. */
export const RUNS_INDEX = 'execution_records_runs';
/** Index of what {@link FAILED_OUTCOME} selects, by run, with what failures are grouped by. */
export const FAILURES_INDEX = 'execution_records_failures';
/** Index of what runs, by who runs it. */
export const RUNNING_INDEX = 'execution_records_running';
/** Index by run. */
export const RUN_ID_INDEX = 'execution_records_run_id';
