import { type Kysely, type RawBuilder, type SelectQueryBuilder, sql } from 'kysely';
import { recordIdFloor } from '../../record-id.ts';
import type { ExecutionRow } from '../execution-row.ts';
import type { FailureGroup, LedgerReader, LedgerStats, QueryResult, RunFilter } from '../ledger-reader.ts';
import { FAILED_OUTCOME, IS_RUN, type LedgerDatabase } from './database.ts';
import { readFailures } from './failures.ts';
import { LedgerError } from './ledger-error.ts';
import { NEWEST_MIGRATION } from './migrations.ts';
import { findRunId } from './run-id-lookup.ts';
import { readRun } from './run-records.ts';
import type { SqlDialect } from './sql-dialect.ts';

const DEFAULT_LIMIT = 20;
const DEFAULT_RUN_LIMIT = 10_000;

/** A database that a ledger is read from. */
export interface ReaderSource {
  readonly dialect: SqlDialect;
  readonly db: Kysely<LedgerDatabase>;
  /** Runs one statement of the user's that only reads. */
  query(text: string): Promise<QueryResult>;
  /** Bytes that the ledger takes. */
  bytes(): Promise<number>;
  /** What an error means for somebody who reads; undefined where it says nothing. */
  explain(error: unknown): LedgerError | undefined;
  close(): Promise<void>;
}

/** Reads a ledger in any database. */
export class SqlLedgerReader implements LedgerReader {
  readonly #source: ReaderSource;
  readonly #db: Kysely<LedgerDatabase>;

  constructor(source: ReaderSource) {
    this.#source = source;
    this.#db = source.db;
  }

  runs(filter: RunFilter = {}): Promise<readonly ExecutionRow[]> {
    return this.#read(() =>
      this.#filtered(this.#db.selectFrom('execution_records').where(IS_RUN).selectAll(), filter)
        .orderBy('record_id', 'desc')
        .limit(filter.limit ?? DEFAULT_LIMIT)
        .execute(),
    );
  }

  run(id: string, options: { readonly limit?: number } = {}): Promise<readonly ExecutionRow[]> {
    return this.#read(async () => {
      const runId = await findRunId(this.#db, id);
      return runId === undefined ? [] : readRun(this.#db, runId, options.limit ?? DEFAULT_RUN_LIMIT);
    });
  }

  runSize(runId: string): Promise<number> {
    return this.#read(async () => {
      const { records } = await this.#db
        .selectFrom('execution_records')
        .select((eb) => eb.fn.countAll<number>().as('records'))
        .where('run_id', '=', runId)
        .executeTakeFirstOrThrow();
      return Number(records);
    });
  }

  failures(
    filter: { readonly sinceMs?: number; readonly limit?: number } = {},
  ): Promise<readonly FailureGroup[]> {
    return this.#read(() =>
      readFailures(this.#db, this.#source.dialect, filter.sinceMs, filter.limit ?? DEFAULT_LIMIT),
    );
  }

  query(text: string): Promise<QueryResult> {
    return this.#read(() => this.#source.query(text));
  }

  stats(): Promise<LedgerStats> {
    return this.#read(async () => {
      const { records } = await this.#db
        .selectFrom('execution_records')
        .select((eb) => eb.fn.countAll<number>().as('records'))
        .executeTakeFirstOrThrow();
      const { runs, failedRuns } = await this.#db
        .selectFrom('execution_records')
        .where(IS_RUN)
        .where('parent_record_id', 'is', null)
        .select((eb) => [
          eb.fn.countAll<number>().as('runs'),
          sql<number>`coalesce(sum(case when ${FAILED_OUTCOME} then 1 else 0 end), 0)`.as('failedRuns'),
        ])
        .executeTakeFirstOrThrow();
      const { quarantined } = await this.#db
        .selectFrom('record_quarantine')
        .select((eb) => eb.fn.countAll<number>().as('quarantined'))
        .executeTakeFirstOrThrow();
      const migration = await this.#db
        .selectFrom('runledger_migrations')
        .select((eb) => eb.fn.max('name').as('name'))
        .executeTakeFirst();
      return {
        records: Number(records),
        runs: Number(runs),
        failedRuns: Number(failedRuns),
        quarantined: Number(quarantined),
        oldestStartedAt: await this.#startOf('asc'),
        newestStartedAt: await this.#startOf('desc'),
        bytes: await this.#source.bytes(),
        schema: migration?.name ?? null,
        schemaKnown: NEWEST_MIGRATION,
      };
    });
  }

  close(): Promise<void> {
    return this.#source.close();
  }

  async #startOf(order: 'asc' | 'desc'): Promise<number | null> {
    const row = await this.#db
      .selectFrom('execution_records')
      .select('started_at')
      .orderBy('record_id', order)
      .limit(1)
      .executeTakeFirst();
    return row?.started_at ?? null;
  }

  async #read<T>(read: () => Promise<T>): Promise<T> {
    try {
      return await read();
    } catch (error) {
      if (error instanceof LedgerError) throw error;
      throw this.#source.explain(error) ?? error;
    }
  }

  #filtered(query: RunsQuery, filter: RunFilter): RunsQuery {
    const isSqlite = this.#source.dialect.name === 'sqlite';
    let runs = query;
    if (filter.nested !== true) runs = runs.where('parent_record_id', 'is', null);
    if (filter.failed === true) {
      // The plus keeps SQLite on the index of runs: the one of failures holds those of steps too.
      runs = runs.where(isSqlite ? sql<boolean>`+${FAILED_OUTCOME}` : FAILED_OUTCOME);
    }
    if (filter.name !== undefined) {
      runs = filter.name.includes('*')
        ? runs.where(isSqlite ? globOf(filter.name) : likeOf(filter.name))
        : runs.where('name', '=', filter.name);
    }
    if (filter.sinceMs !== undefined) runs = runs.where('record_id', '>=', recordIdFloor(filter.sinceMs));
    if (filter.tenant !== undefined) runs = runs.where('tenant', '=', filter.tenant);
    if (filter.correlationId !== undefined) runs = runs.where('correlation_id', '=', filter.correlationId);
    return runs;
  }
}

type RunsQuery = SelectQueryBuilder<LedgerDatabase, 'execution_records', ExecutionRow>;

/** A GLOB pattern in which only `*` is special: SQLite's LIKE takes large letters for small ones. */
function globOf(name: string): RawBuilder<boolean> {
  return sql<boolean>`name glob ${name.replace(/[?[]/g, '[$&]')}`;
}

function likeOf(name: string): RawBuilder<boolean> {
  return sql<boolean>`name like ${name.replace(/[!%_]/g, '!$&').replaceAll('*', '%')} escape '!'`;
}
