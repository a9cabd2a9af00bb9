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
  readonly runledger_migrations: MigrationTable;
}

/**
 * `outcome in ('failure', 'error', 'timeout')`, spelled out and not bound: SQLite uses a partial index only where
 * the query repeats the index's own condition.
 */
export const FAILED_OUTCOME: RawBuilder<SqlBool> = sql<SqlBool>`outcome in (${sql.join(
  OUTCOMES.filter(isFailed).map((outcome) => sql.lit(outcome)),
)})`;

/** Executions that a list of runs can show: outermost ones, and pipelines inside pipelines. */
export const IS_RUN: Expression<SqlBool> = sql<SqlBool>`(kind = 'pipeline' or parent_record_id is null)`;

/** Index of what {@link IS_RUN} selects, in time order, with what runs are filtered by. */
export const RUNS_INDEX = 'execution_records_runs';
/** Index of what {@link FAILED_OUTCOME} selects, by run, with what failures are grouped by. */
export const FAILURES_INDEX = 'execution_records_failures';
/** Index by run. */
export const RUN_ID_INDEX = 'execution_records_run_id';
