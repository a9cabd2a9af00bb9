import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import type { Ledger, Row } from './ledger.ts';

/** A ledger in a file of the folder. It is opened for each question, so that nobody is kept waiting by a lock. */
export function sqliteLedger(folder: string): Ledger {
  const path = join(folder, 'ledger.db');
  const remove = async () => {
    for (const end of ['', '-wal', '-shm', '-journal']) await rm(`${path}${end}`, { force: true });
  };
  return {
    dialect: 'sqlite',
    version: `SQLite ${process.versions.sqlite}`,
    url: `sqlite:${path}`,
    urlThrough: () => {
      throw new Error('an SQLite ledger has no port');
    },
    server: undefined,
    query: async (sql) => {
      const database = new DatabaseSync(path, { timeout: 30_000 });
      try {
        return database.prepare(sql).all() as Row[];
      } finally {
        database.close();
      }
    },
    reset: remove,
    dispose: remove,
  };
}
