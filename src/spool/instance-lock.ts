import { closeSync, openSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

type SqliteModule = typeof import('node:sqlite');

const LOCK_FILE = 'owner.lock';
const SQLITE_BUSY = 5;

/** Holds a directory for as long as this process lives, or until it is released. */
export interface InstanceLock {
  release(): void;
}

/**
 * Takes the lock of a directory. Undefined where another process or thread holds it, be it stopped; throws where
 * there can be none. The operating system frees it the moment its holder dies, however it dies: it is the lock of an
 * SQLite transaction that is never ended, for want of a file lock in Node.js. Costs about a millisecond the first time.
 */
export function lockDirectory(directory: string, mode: 'create' | 'existing'): InstanceLock | undefined {
  const path = join(directory, LOCK_FILE);
  if (mode === 'create') createFile(path);
  const { DatabaseSync } = loadSqlite();
  // Opened, never made: of a directory that is being removed nothing is to come back.
  const database = new DatabaseSync(new URL(`${pathToFileURL(path).href}?mode=rw`), { timeout: 0 });
  try {
    // Nothing is ever written, so that a lock leaves no journal behind.
    database.exec('pragma journal_mode = memory; begin exclusive');
  } catch (error) {
    database.close();
    if (((error as { errcode?: number }).errcode ?? 0) % 256 === SQLITE_BUSY) return undefined;
    throw error;
  }
  return {
    release() {
      if (database.isOpen) database.close();
    },
  };
}

/** Whether a directory has a lock at all, so is one of ours. */
export function isLockFile(name: string): boolean {
  return name === LOCK_FILE;
}

/** Made here for its mode. Where it is there already it is not opened: to close it would free a lock of this process. */
function createFile(path: string): void {
  try {
    closeSync(openSync(path, 'ax', 0o600));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  }
}

/** Older Node.js says on stderr that SQLite is experimental; the application's stderr is not ours to write to. */
function loadSqlite(): SqliteModule {
  const { emitWarning } = process;
  process.emitWarning = () => undefined;
  try {
    return process.getBuiltinModule('node:sqlite');
  } finally {
    process.emitWarning = emitWarning;
  }
}
