import type { DatabaseSync } from 'node:sqlite';

/**
 * Does work in one write transaction: all of it or nothing. It takes the write lock at once, because a transaction
 * that starts by reading and then writes can not wait for one.
 */
export function inTransaction<T>(connection: DatabaseSync, work: () => T): T {
  connection.exec('begin immediate');
  try {
    const result = work();
    connection.exec('commit');
    return result;
  } catch (error) {
    try {
      connection.exec('rollback');
    } catch {
      // SQLite has rolled back by itself; the first error is the one to tell.
    }
    throw error;
  }
}
