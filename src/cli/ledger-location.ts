import { existsSync, statSync } from 'node:fs';
import { join } from 'node:path';
import type { LedgerReader } from '../store/ledger-reader.ts';
import type { RecordStore } from '../store/record-store.ts';
import { CliError } from './cli-error.ts';
import { printable } from './printable.ts';

/**
 * The ledger file a command is about: `--ledger`, else `RUNLEDGER_STORE`, else `ledger.db` below `RUNLEDGER_DIR`.
 * Throws a `CliError` where the environment names a store that is no file.
 */
export function ledgerPath(option: string | undefined, env: NodeJS.ProcessEnv): string {
  if (option !== undefined) return option.startsWith('sqlite:') ? option.slice('sqlite:'.length) : option;
  const store = env.RUNLEDGER_STORE;
  if (store !== undefined && store !== '') {
    if (store.startsWith('sqlite:')) return store.slice('sqlite:'.length);
    throw new CliError(
      `RUNLEDGER_STORE is ${printable(store.split(':')[0] ?? '')}, and this command reads SQLite files. Name one with --ledger PATH.`,
    );
  }
  return join(env.RUNLEDGER_DIR || '.runledger', 'ledger.db');
}

/** The same, where the file must be there. Throws a `CliError` that says what to do where it is not. */
export function existingLedgerPath(option: string | undefined, env: NodeJS.ProcessEnv): string {
  const path = ledgerPath(option, env);
  if (!existsSync(path)) {
    throw new CliError(
      `no ledger at ${printable(path)}. Run a program that uses Runledger here first, or name the file with --ledger PATH or RUNLEDGER_STORE=sqlite:PATH.`,
    );
  }
  if (!statSync(path).isFile()) {
    throw new CliError(
      `${printable(path)} is not a file. --ledger takes the ledger itself, such as .runledger/ledger.db.`,
    );
  }
  return path;
}

/** Opens the ledger to read for as long as `use` takes, and closes it whatever happens. */
export async function withLedger<T>(path: string, use: (ledger: LedgerReader) => Promise<T>): Promise<T> {
  const { openLedger } = await loadReader();
  const ledger = await openLedger(path);
  try {
    return await use(ledger);
  } finally {
    await ledger.close();
  }
}

/** Opens the ledger to write for as long as `use` takes, and closes it whatever happens. */
export async function withStore<T>(path: string, use: (store: RecordStore) => Promise<T>): Promise<T> {
  const { SqliteRecordStore } = await import('../store/sql/sqlite-record-store.ts');
  const store = new SqliteRecordStore({ path });
  try {
    await store.init();
    return await use(store);
  } finally {
    await store.close();
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
