import { statSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';
import { Kysely, type SelectQueryBuilder, sql } from 'kysely';
import { recordIdFloor } from '../../record-id.ts';
import type { ExecutionRow } from '../execution-row.ts';
import type { FailureGroup, LedgerReader, LedgerStats, QueryResult, RunFilter } from '../ledger-reader.ts';
import { FAILED_OUTCOME, IS_RUN, type LedgerDatabase } from './database.ts';
import { readFailures } from './failures.ts';
import { LedgerError, ledgerErrorFrom } from './ledger-error.ts';
import { NEWEST_MIGRATION } from './migrations.ts';
import { nodeSqliteDialect } from './node-sqlite-dialect.ts';
import { readOnlyQuery } from './read-only-query.ts';
import { findRunId } from './run-id-lookup.ts';
import { readRun } from './run-records.ts';
import { ledgerBytes } from './sqlite-file.ts';

const DEFAULT_LIMIT = 20;
const DEFAULT_RUN_LIMIT = 10_000;
const BUSY_TIMEOUT_MS = 5_000;

/**
 * Opens a ledger to read it, also while others write it. Reads run on the calling thread and block it: meant for a
 * program of its own, like the command line tool, not for a service's main thread. Rejects with a
 * {@link LedgerError} that says what to do.
 */
export async function openLedger(path: string): Promise<LedgerReader> {
  const file = statSync(path, { throwIfNoEntry: false });
  if (file === undefined) {
    throw new LedgerError(
      'LEDGER_NOT_FOUND',
      `there is no ledger at ${path}. It is made by the first pipeline that runs with runledger registered; a ledger elsewhere is named by its path.`,
    );
  }
  if (!file.isFile())
    throw new LedgerError('NOT_A_LEDGER', `${path} is not a file. Give the path of a ledger.`);
  let connection: DatabaseSync | undefined;
  try {
    connection = new DatabaseSync(path, { readOnly: true });
    connection.exec(`pragma busy_timeout = ${BUSY_TIMEOUT_MS}`);
    connection.exec('pragma trusted_schema = off');
    connection.exec('pragma query_only = on');
    const table = connection
      .prepare("select 1 from sqlite_schema where type = 'table' and name = 'execution_records'")
      .get();
    if (table === undefined) {
      throw new LedgerError(
        'NOT_A_LEDGER',
        `${path} has no table execution_records, so it is not a ledger. Give the path of a ledger, .runledger/ledger.db by default.`,
      );
    }
    return new SqliteLedgerReader(path, connection);
  } catch (error) {
    connection?.close();
    if (error instanceof LedgerError) throw error;
    const message = `${path} can not be opened (${(error as Error).message}). Check that you may read the file and write its directory: SQLite keeps its lock files there.`;
    throw ledgerErrorFrom(error, path) ?? new LedgerError('LEDGER_UNREADABLE', message, { cause: error });
  }
}

class SqliteLedgerReader implements LedgerReader {
  readonly #path: string;
  readonly #connection: DatabaseSync;
  readonly #db: Kysely<LedgerDatabase>;

  constructor(path: string, connection: DatabaseSync) {
    this.#path = path;
    this.#connection = connection;
    this.#db = new Kysely<LedgerDatabase>({ dialect: nodeSqliteDialect(connection) });
  }

  runs(filter: RunFilter = {}): Promise<readonly ExecutionRow[]> {
    return this.#read(() =>
      filtered(this.#db.selectFrom('execution_records').where(IS_RUN).selectAll(), filter)
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
      return records;
    });
  }

  failures(
    filter: { readonly sinceMs?: number; readonly limit?: number } = {},
  ): Promise<readonly FailureGroup[]> {
    return this.#read(() => readFailures(this.#db, filter.sinceMs, filter.limit ?? DEFAULT_LIMIT));
  }

  query(text: string): Promise<QueryResult> {
    return this.#read(async () => readOnlyQuery(this.#connection, text));
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
          sql<number>`coalesce(sum(${FAILED_OUTCOME}), 0)`.as('failedRuns'),
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
        records,
        runs,
        failedRuns,
        quarantined,
        oldestStartedAt: await this.#startOf('asc'),
        newestStartedAt: await this.#startOf('desc'),
        bytes: ledgerBytes(this.#path),
        schema: migration?.name ?? null,
        schemaKnown: NEWEST_MIGRATION,
      };
    });
  }

  /** Destroying kysely closes the connection, but only once kysely has used it. */
  async close(): Promise<void> {
    await this.#db.destroy();
    if (this.#connection.isOpen) this.#connection.close();
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
      throw ledgerErrorFrom(error, this.#path) ?? error;
    }
  }
}

type RunsQuery = SelectQueryBuilder<LedgerDatabase, 'execution_records', ExecutionRow>;

function filtered(query: RunsQuery, filter: RunFilter): RunsQuery {
  let runs = query;
  if (filter.nested !== true) runs = runs.where('parent_record_id', 'is', null);
  // The plus keeps SQLite on the index of runs: the one of failures holds those of steps too.
  if (filter.failed === true) runs = runs.where(sql<boolean>`+${FAILED_OUTCOME}`);
  if (filter.name !== undefined) {
    runs = filter.name.includes('*')
      ? runs.where(sql<boolean>`name glob ${globFrom(filter.name)}`)
      : runs.where('name', '=', filter.name);
  }
  if (filter.sinceMs !== undefined) runs = runs.where('record_id', '>=', recordIdFloor(filter.sinceMs));
  if (filter.tenant !== undefined) runs = runs.where('tenant', '=', filter.tenant);
  if (filter.correlationId !== undefined) runs = runs.where('correlation_id', '=', filter.correlationId);
  return runs;
}

/** A GLOB pattern in which only `*` is special. */
function globFrom(name: string): string {
  return name.replace(/[?[]/g, '[$&]');
}
