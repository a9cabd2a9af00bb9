import type { DatabaseSync, StatementSync } from 'node:sqlite';
import type { SqlValue } from '../execution-row.ts';
import type { QueryResult } from '../ledger-reader.ts';
import { LedgerError } from './ledger-error.ts';
import { BLANK, readingStatement } from './reading-statement.ts';

/**
 * Runs one statement that only reads. The connection has to be a read-only one: that is what keeps a WITH … DELETE
 * from the file; the checks here are for what a read-only connection would let through, and for clear errors.
 */
export function readOnlyQuery(connection: DatabaseSync, text: string): QueryResult {
  const statement = prepareSingle(connection, text);
  const columns = statement.columns().map((column) => column.name);
  try {
    return { columns, rows: rowsOf(statement, columns) };
  } catch (error) {
    throw refusalOf(error);
  }
}

function prepareSingle(connection: DatabaseSync, text: string): StatementSync {
  const start = readingStatement(text);
  let statement: StatementSync;
  try {
    statement = connection.prepare(start);
  } catch (error) {
    throw refusalOf(error);
  }
  // SQLite compiles the first statement and ignores the rest; `sourceSQL` ends where that one does.
  const rest = start
    .slice(statement.sourceSQL.length)
    .replace(BLANK, '')
    .replace(/^[;\s]+/, '')
    .replace(BLANK, '');
  if (rest !== '') {
    throw new LedgerError(
      'QUERY_REFUSED',
      `one query at a time: nothing may follow the first, not '${rest.slice(0, 40)}'`,
    );
  }
  return statement;
}

function rowsOf(statement: StatementSync, columns: readonly string[]): readonly (readonly SqlValue[])[] {
  statement.setReadBigInts(true);
  // Older Node.js gives objects only; of two columns with one name they keep the last.
  if (typeof statement.setReturnArrays !== 'function') {
    return statement.all().map((row) => columns.map((column) => sqlValueFrom(row[column])));
  }
  statement.setReturnArrays(true);
  // The declared type knows rows as objects.
  return (statement.all() as unknown as unknown[][]).map((row) => row.map(sqlValueFrom));
}

/** Integers past 2^53 become decimal text, blobs hexadecimal text. */
function sqlValueFrom(value: unknown): SqlValue {
  if (typeof value === 'bigint') {
    const number = Number(value);
    return Number.isSafeInteger(number) ? number : value.toString();
  }
  if (value instanceof Uint8Array) return Buffer.from(value).toString('hex');
  return (value ?? null) as SqlValue;
}

const SQLITE_ERROR = 1;
const SQLITE_READONLY = 8;

function refusalOf(error: unknown): unknown {
  const { errcode, message } = error as Error & { errcode?: number };
  switch (errcode === undefined ? undefined : errcode & 0xff) {
    case SQLITE_READONLY:
      return new LedgerError('QUERY_REFUSED', `only a query that reads is run (${message})`, {
        cause: error,
      });
    case SQLITE_ERROR:
      return new LedgerError('QUERY_FAILED', `SQLite does not accept the query: ${message}`, {
        cause: error,
      });
    default:
      return error;
  }
}
