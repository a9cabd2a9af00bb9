import { closeSync, mkdirSync, openSync, statfsSync, statSync } from 'node:fs';
import { dirname } from 'node:path';

/** `f_type` of file systems whose locks SQLite can not trust (linux/magic.h). */
const NETWORK_FILE_SYSTEMS: ReadonlyMap<number, string> = new Map([
  [0x6969, 'NFS'],
  [0x517b, 'SMB'],
  [0xff534d42, 'CIFS'],
  [0xfe534d42, 'SMB2'],
  [0x01021997, '9P'],
  [0x5346414f, 'AFS'],
  [0x00c36400, 'CephFS'],
]);

/**
 * Makes the file of a ledger if it is not there, readable by its owner alone: records hold error messages and
 * captured input. SQLite gives its journal files the mode of the database.
 */
export function createLedgerFile(path: string): void {
  createDirectory(dirname(path));
  try {
    closeSync(openSync(path, 'ax', 0o600));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  }
}

/** Made with all its parents, Node says ENOENT for a read-only file system; made alone, it says EROFS. */
function createDirectory(path: string): void {
  const options = { recursive: true, mode: 0o700 };
  try {
    mkdirSync(path, options);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    mkdirSync(path, { ...options, recursive: false });
  }
}

/** Name of the network file system a file lies on, or undefined where it is a local one. */
export function networkFileSystemOf(path: string): string | undefined {
  try {
    // 32 bits on disk; some platforms give it sign-extended.
    return NETWORK_FILE_SYSTEMS.get(statfsSync(path).type >>> 0);
  } catch {
    return undefined;
  }
}

/** Bytes a ledger takes on disk, with its journal files. */
export function ledgerBytes(path: string): number {
  return sizeOf(path) + sizeOf(`${path}-wal`) + sizeOf(`${path}-journal`);
}

/** What tells one file from another at the same path, or undefined where there is none. */
export function fileIdentity(path: string): string | undefined {
  const stat = statSync(path, { throwIfNoEntry: false });
  return stat === undefined ? undefined : `${stat.dev}:${stat.ino}`;
}

function sizeOf(path: string): number {
  return statSync(path, { throwIfNoEntry: false })?.size ?? 0;
}
