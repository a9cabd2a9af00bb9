/** What is wrong with a ledger, or with what it was asked. */
export type LedgerErrorCode =
  /** There is no file at the path. */
  | 'LEDGER_NOT_FOUND'
  /** The file is no ledger: another SQLite database, or no database at all. */
  | 'NOT_A_LEDGER'
  /** The file was damaged. */
  | 'LEDGER_CORRUPT'
  /** The file can not be opened: permissions, most often. */
  | 'LEDGER_UNREADABLE'
  /** Another process holds the lock for too long. */
  | 'LEDGER_BUSY'
  /** An abbreviated id stands for several runs. */
  | 'AMBIGUOUS_ID'
  /** The statement is not a single one that only reads. */
  | 'QUERY_REFUSED'
  /** SQLite did not accept the statement. */
  | 'QUERY_FAILED';

/** An error a person can act on: the message says what to do. */
export class LedgerError extends Error {
  override readonly name = 'LedgerError';
  readonly code: LedgerErrorCode;

  constructor(code: LedgerErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

const SQLITE_BUSY = 5;
const SQLITE_LOCKED = 6;
const SQLITE_CORRUPT = 11;
const SQLITE_NOTADB = 26;

/** What an error of SQLite means for somebody who reads the ledger at `path`; undefined where it says nothing. */
export function ledgerErrorFrom(error: unknown, path: string): LedgerError | undefined {
  const { errcode, message } = error as Error & { errcode?: number };
  // The low byte is the primary code, what is above it a refinement.
  switch (errcode === undefined ? undefined : errcode & 0xff) {
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
      return new LedgerError(
        'LEDGER_BUSY',
        `${path} is locked by another process (${message}). Try again; if it stays locked, look for a program that holds a transaction open.`,
        { cause: error },
      );
    case SQLITE_CORRUPT:
      return new LedgerError(
        'LEDGER_CORRUPT',
        `${path} is damaged (${message}). Move it away, with its -wal and -shm files: a new ledger is started by itself. 'sqlite3 ${path} .recover' saves what can be read.`,
        { cause: error },
      );
    case SQLITE_NOTADB:
      return new LedgerError(
        'NOT_A_LEDGER',
        `${path} is not an SQLite database. Give the path of a ledger, .runledger/ledger.db by default.`,
        { cause: error },
      );
    default:
      return undefined;
  }
}
