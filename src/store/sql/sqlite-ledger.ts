import type { DatabaseSync, StatementSync } from 'node:sqlite';
import { Kysely } from 'kysely';
import type { SqlValue } from '../execution-row.ts';
import type { PruneReport, RetentionPolicy } from '../record-store.ts';
import type { LedgerDatabase } from './database.ts';
import { executionUpsert } from './execution-upsert.ts';
import { migrate } from './migrations.ts';
import { nodeSqliteDialect } from './node-sqlite-dialect.ts';
import { pruneLedger } from './retention.ts';
import { openConnection, type SqliteSettings } from './sqlite-connection.ts';
import { createLedgerFile, fileIdentity } from './sqlite-file.ts';
import type { QuarantineRow } from './sqlite-protocol.ts';

/**
 * The writing end of a ledger file. Every transaction is one synchronous stretch, so calls can not interleave in
 * one; it runs in a worker thread and blocks nothing but that.
 */
export class SqliteLedger {
  readonly #settings: SqliteSettings;
  #open: OpenLedger | undefined;
  #pruning: Promise<PruneReport> | undefined;

  constructor(settings: SqliteSettings) {
    this.#settings = settings;
  }

  /** Opens and migrates the file. Opens it anew where it was open: the call comes after an error, too. */
  init(now: number): string | undefined {
    this.#release();
    const { path } = this.#settings;
    createLedgerFile(path);
    const { connection, notice } = openConnection(this.#settings);
    try {
      const db = new Kysely<LedgerDatabase>({ dialect: nodeSqliteDialect(connection) });
      migrate(connection, db, now);
      this.#open = {
        connection,
        db,
        upsert: connection.prepare(executionUpsert(db)),
        file: fileIdentity(path),
      };
    } catch (error) {
      connection.close();
      throw error;
    }
    return notice;
  }

  write(rows: readonly (readonly SqlValue[])[]): void {
    const { connection, upsert } = this.#ledger();
    inTransaction(connection, () => {
      for (const row of rows) upsert.run(...row);
    });
  }

  quarantine(rows: readonly QuarantineRow[]): void {
    const { connection, db } = this.#ledger();
    const statement = db
      .insertInto('record_quarantine')
      .values({ record_id: '', rev: 0, reason: '', at: 0, record: '' })
      .onConflict((conflict) => conflict.columns(['record_id', 'rev']).doNothing())
      .compile();
    const insert = connection.prepare(statement.sql);
    inTransaction(connection, () => {
      for (const row of rows) insert.run(...row);
    });
  }

  prune(policy: RetentionPolicy, now: number): Promise<PruneReport> {
    const { connection, db } = this.#ledger();
    this.#pruning ??= pruneLedger({ connection, db, path: this.#settings.path }, policy, now).finally(() => {
      this.#pruning = undefined;
    });
    return this.#pruning;
  }

  /** A prune that is under way stops at its next batch. */
  async close(): Promise<void> {
    this.#release();
    await this.#pruning?.catch(() => undefined);
  }

  #release(): void {
    const open = this.#open;
    this.#open = undefined;
    open?.connection.close();
  }

  /** A file that was removed or replaced would swallow every further record, so it is noticed before each write. */
  #ledger(): OpenLedger {
    const open = this.#open;
    if (open === undefined) {
      throw Object.assign(new Error('the ledger is not open'), { code: 'RUNLEDGER_STORE_NOT_OPEN' });
    }
    if (open.file !== fileIdentity(this.#settings.path)) {
      this.#release();
      const message = `${this.#settings.path} was removed or replaced while it was open`;
      throw Object.assign(new Error(message), { code: 'RUNLEDGER_FILE_REPLACED' });
    }
    return open;
  }
}

interface OpenLedger {
  readonly connection: DatabaseSync;
  readonly db: Kysely<LedgerDatabase>;
  readonly upsert: StatementSync;
  readonly file: string | undefined;
}

/** All or nothing. `immediate`: a transaction that starts reading and then writes can not wait for a lock. */
function inTransaction(connection: DatabaseSync, work: () => void): void {
  connection.exec('begin immediate');
  try {
    work();
    connection.exec('commit');
  } catch (error) {
    try {
      connection.exec('rollback');
    } catch {
      // SQLite has rolled back by itself; the first error is the one to tell.
    }
    throw error;
  }
}
