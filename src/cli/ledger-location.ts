import { existsSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { serverOf, shownUrl } from '../store/ledger-location.ts';
import type { LedgerReader } from '../store/ledger-reader.ts';
import type { RecordStore } from '../store/record-store.ts';
import { CliError } from './cli-error.ts';
import { printable } from './printable.ts';

/**
 * The ledger a command is about, a file or the URL of a database: `--ledger`, else `RUNLEDGER_STORE`, else `ledger.db` below
 * `RUNLEDGER_DIR`. A URL may hold a password: show it by {@link shownLedger} alone. Throws a `CliError` where the
 * environment names a store that can not be read.
 */
export function ledgerLocation(option: string | undefined, env: NodeJS.ProcessEnv): string {
  const named = option ?? env.RUNLEDGER_STORE;
  if (named === undefined || named === '') return join(env.RUNLEDGER_DIR || '.runledger', 'ledger.db');
  if (named.startsWith('sqlite:')) return named.slice('sqlite:'.length);
  if (option !== undefined || serverOf(named) !== undefined) return named;
  throw new CliError(
    `RUNLEDGER_STORE is ${printable(named.split(':')[0] ?? '')}, and this command reads SQLite files, PostgreSQL and MySQL. Name one with --ledger.`,
  );
}

/** How a ledger is named in what is printed: without user, password and parameters. */
export function shownLedger(location: string): string {
  return serverOf(location) === undefined ? location : shownUrl(location);
}

/** The same as {@link ledgerLocation}, where a file must be there. Throws a `CliError` that says what to do where it is not. */
export function existingLedger(option: string | undefined, env: NodeJS.ProcessEnv): string {
  const location = ledgerLocation(option, env);
  if (serverOf(location) !== undefined) return location;
  if (!existsSync(location)) {
    throw new CliError(
      `no ledger at ${printable(location)}. Run a program that uses Runledger here first, or name the file with --ledger PATH or RUNLEDGER_STORE=sqlite:PATH.`,
    );
  }
  if (!statSync(location).isFile()) {
    throw new CliError(
      `${printable(location)} is not a file. --ledger takes the ledger itself, such as .runledger/ledger.db.`,
    );
  }
  return location;
}

/** Opens the ledger to read for as long as `use` takes, and closes it whatever happens. */
export async function withLedger<T>(location: string, use: (ledger: LedgerReader) => Promise<T>): Promise<T> {
  const { openLedger } = await loadReader();
  const ledger = await openLedger(location);
  try {
    return await use(ledger);
  } finally {
    await ledger.close();
  }
}

/** Opens the ledger to write for as long as `use` takes, and closes it whatever happens. */
export async function withStore<T>(location: string, use: (store: RecordStore) => Promise<T>): Promise<T> {
  const store = await storeAt(location);
  try {
    await store.init();
    return await use(store);
  } finally {
    await store.close();
  }
}

/** The store of a ledger, not open yet. */
export async function storeAt(location: string): Promise<RecordStore> {
  switch (serverOf(location)) {
    case 'postgres': {
      const { PostgresRecordStore } = await import('../store/sql/postgres/postgres-record-store.ts');
      return new PostgresRecordStore({ url: location, holdsProcess: true });
    }
    case 'mysql': {
      const { MysqlRecordStore } = await import('../store/sql/mysql/mysql-record-store.ts');
      return new MysqlRecordStore({ url: location, holdsProcess: true });
    }
    default: {
      const { SqliteRecordStore } = await import('../store/sql/sqlite-record-store.ts');
      // What is recovered leaves the spool, and may have been promised to survive a power cut.
      return new SqliteRecordStore({ path: location, synchronous: 'full' });
    }
  }
}

/** Loaded late: on a Node.js without node:sqlite the command still has to run, to say so. */
async function loadReader(): Promise<typeof import('../store/sql/ledger-reader.ts')> {
  try {
    return await import('../store/sql/ledger-reader.ts');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ERR_UNKNOWN_BUILTIN_MODULE') throw error;
    throw new CliError(
      `Node.js ${process.versions.node} has no node:sqlite to read a ledger with. Use Node.js 22.16 or newer.`,
    );
  }
}
