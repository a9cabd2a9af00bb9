import { DatabaseSync } from 'node:sqlite';
import { networkFileSystemOf } from './sqlite-file.ts';

/** How a ledger file is opened for writing. */
export interface SqliteSettings {
  readonly path: string;
  /** `normal`: a committed batch survives the process; `full`: the machine losing power too. */
  readonly synchronous: 'normal' | 'full';
  /** How long a statement waits for another process's lock. */
  readonly busyTimeoutMs: number;
}

/** A connection, and what its user should know about it. */
export interface OpenedConnection {
  readonly connection: DatabaseSync;
  /** Why the file is not in WAL mode. */
  readonly notice?: string;
}

/** The first SQLite in which several writers can not corrupt a WAL file (sqlite.org/wal.html, "WAL-reset bug"). */
const FIRST_SAFE_WAL: readonly number[] = [3, 51, 3];
/** Pages the WAL gathers before they are copied into the database; SQLite's own default, stated. */
const AUTOCHECKPOINT_PAGES = 1_000;
/** Bytes a journal file keeps after it was used. */
const JOURNAL_SIZE_LIMIT = 16 * 1024 * 1024;
const RETRY_MS = 10;
const SQLITE_BUSY = 5;

/** Opens a connection with every setting stated, so that it does not hang on how SQLite was built. */
export function openConnection(settings: SqliteSettings): OpenedConnection {
  const connection = new DatabaseSync(settings.path, { enableForeignKeyConstraints: false });
  try {
    connection.exec(`pragma busy_timeout = ${settings.busyTimeoutMs}`);
    const notice = whyNoWal(connection, settings.path);
    // Takes effect in an empty file only, so it comes before the journal mode, which writes the first page.
    connection.exec('pragma auto_vacuum = incremental');
    setJournalMode(connection, notice === undefined ? 'wal' : 'truncate', settings.busyTimeoutMs);
    connection.exec(`pragma synchronous = ${settings.synchronous === 'full' ? 'full' : 'normal'}`);
    connection.exec(`pragma wal_autocheckpoint = ${AUTOCHECKPOINT_PAGES}`);
    connection.exec(`pragma journal_size_limit = ${JOURNAL_SIZE_LIMIT}`);
    connection.exec('pragma trusted_schema = off');
    return notice === undefined ? { connection } : { connection, notice };
  } catch (error) {
    connection.close();
    throw error;
  }
}

function whyNoWal(connection: DatabaseSync, path: string): string | undefined {
  const fileSystem = networkFileSystemOf(path);
  if (fileSystem !== undefined) {
    return `${path} is on ${fileSystem}, where SQLite's WAL mode does not work: writes are slower, and locks are only as good as the file system's. Put the ledger on a local disk.`;
  }
  const version = String(connection.prepare('select sqlite_version() as version').get()?.version);
  if (isAtLeast(version, FIRST_SAFE_WAL)) return undefined;
  return `SQLite ${version} of this Node.js can corrupt a WAL file that several processes write, so ${path} uses a rollback journal: writes are slower and readers wait for them. A Node.js with SQLite ${FIRST_SAFE_WAL.join('.')} or newer does not need this.`;
}

/** Turning WAL on needs the file alone for a moment, and SQLite does not always wait for that by itself. */
function setJournalMode(connection: DatabaseSync, mode: 'wal' | 'truncate', timeoutMs: number): void {
  const deadline = performance.now() + timeoutMs;
  for (;;) {
    try {
      connection.exec(`pragma journal_mode = ${mode}`);
      return;
    } catch (error) {
      const isBusy = ((error as { errcode?: number }).errcode ?? 0) % 256 === SQLITE_BUSY;
      if (!isBusy || performance.now() >= deadline) throw error;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, RETRY_MS * (0.5 + Math.random()));
    }
  }
}

function isAtLeast(version: string, wanted: readonly number[]): boolean {
  const found = version.split('.').map(Number);
  for (const [index, part] of wanted.entries()) {
    const difference = (found[index] ?? 0) - part;
    if (difference !== 0) return difference > 0;
  }
  return true;
}
