import { statSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';
import { Kysely } from 'kysely';
import { serverOf } from '../ledger-location.ts';
import type { LedgerReader } from '../ledger-reader.ts';
import type { LedgerDatabase } from './database.ts';
import { LedgerError, ledgerErrorFrom } from './ledger-error.ts';
import { nodeSqliteDialect } from './node-sqlite-dialect.ts';
import { readOnlyQuery } from './read-only-query.ts';
import { SQLITE_DIALECT } from './sql-dialect.ts';
import { type ReaderSource, SqlLedgerReader } from './sql-ledger-reader.ts';
import { ledgerBytes } from './sqlite-file.ts';

const BUSY_TIMEOUT_MS = 5_000;

/**
 * Opens a ledger to read it, also while others write it: the path of an SQLite file, or the URL of a PostgreSQL, MySQL or
 * MariaDB. Reads of a file run on the calling thread and block it: meant for a program of its own, like the command line
 * tool, not for a service's main thread. Rejects with a {@link LedgerError} that says what to do.
 */
export async function openLedger(location: string): Promise<LedgerReader> {
  const server = serverOf(location);
  if (server === undefined) return openFile(location);
  const { openServerLedger } = await import('./server/server-ledger-reader.ts');
  return openServerLedger(server, location);
}

async function openFile(path: string): Promise<LedgerReader> {
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
    return new SqlLedgerReader(sqliteSource(path, connection));
  } catch (error) {
    connection?.close();
    if (error instanceof LedgerError) throw error;
    const message = `${path} can not be opened (${(error as Error).message}). Check that you may read the file and write its directory: SQLite keeps its lock files there.`;
    throw ledgerErrorFrom(error, path) ?? new LedgerError('LEDGER_UNREADABLE', message, { cause: error });
  }
}

function sqliteSource(path: string, connection: DatabaseSync): ReaderSource {
  const db = new Kysely<LedgerDatabase>({ dialect: nodeSqliteDialect(connection) });
  return {
    dialect: SQLITE_DIALECT,
    db,
    query: async (text) => readOnlyQuery(connection, text),
    bytes: async () => ledgerBytes(path),
    explain: (error) => ledgerErrorFrom(error, path),
    /** Destroying kysely closes the connection, but only once kysely has used it. */
    async close() {
      await db.destroy();
      if (connection.isOpen) connection.close();
    },
  };
}
