import type { DatabaseSync } from 'node:sqlite';
import { Kysely } from 'kysely';
import type { PruneReport, QuarantineKey, RetentionPolicy } from '../record-store.ts';
import { linkCandidates } from '../remote-children.ts';
import { textsOf } from './column-batch.ts';
import type { LedgerDatabase } from './database.ts';
import { ExecutionUpsert } from './execution-upsert.ts';
import { findInterrupted, interruptRows, MAX_RUNNING } from './interruption.ts';
import { writeReport } from './ledger-report.ts';
import { migrate } from './migrations.ts';
import { nodeSqliteDialect } from './node-sqlite-dialect.ts';
import { discardQuarantined } from './quarantine.ts';
import { pruneLedger } from './retention.ts';
import { runScript } from './script.ts';
import { SQLITE_DIALECT } from './sql-dialect.ts';
import { openConnection, type SqliteSettings } from './sqlite-connection.ts';
import { createLedgerFile, fileIdentity } from './sqlite-file.ts';
import type { QuarantineRow, WriteBatch } from './sqlite-protocol.ts';
import { SqliteRemoteLinks } from './sqlite-remote-links.ts';
import { inTransaction } from './sqlite-transaction.ts';

/**
 * The writing end of a ledger file. Every transaction is one synchronous stretch, so calls can not interleave in
 * one; it runs in a worker thread and blocks nothing but that.
 */
export class SqliteLedger {
  readonly #settings: SqliteSettings;
  #open: OpenLedger | undefined;
  #isSuspect = false;
  #pruning: Promise<PruneReport> | undefined;

  constructor(settings: SqliteSettings) {
    this.#settings = settings;
  }

  /**
   * Opens and migrates the file; answers with what its user should know about it. A ledger that is open stays as it
   * is, unless its last write threw.
   */
  init(now: number): string | undefined {
    if (this.#open === undefined || this.#isSuspect || !this.#isStillThere(this.#open)) this.#reopen(now);
    return this.#open?.notice;
  }

  /** Links what belongs together in the same transaction: no other writer can be in between. */
  write({ batch, remoteChildren, report }: WriteBatch): void {
    const { connection, db, upsert, links } = this.#ledger();
    this.#inTransaction(connection, () => {
      upsert.run(batch);
      if (report !== undefined) runScript(connection, writeReport(db, SQLITE_DIALECT, report));
      links.link(
        () => linkCandidates(textsOf(batch, 'record_id'), textsOf(batch, 'failed_record_id')),
        remoteChildren,
      );
    });
  }

  /** So many at once that a transaction stays short for those who wait for the file. */
  interrupt(instanceIds: readonly string[], silentBefore: number): number {
    const { connection, db, links } = this.#ledger();
    let changes = 0;
    for (let found = MAX_RUNNING; found === MAX_RUNNING; ) {
      this.#inTransaction(connection, () => {
        const interrupted = runScript(connection, findInterrupted(db, instanceIds, silentBefore));
        const ended = runScript(connection, interruptRows(db, interrupted));
        links.link(() => interrupted.map(({ recordId }) => recordId), ended.links);
        found = interrupted.length;
        changes += ended.changes;
      });
    }
    return changes;
  }

  quarantine(rows: readonly QuarantineRow[]): void {
    const { connection, db } = this.#ledger();
    const statement = db
      .insertInto('record_quarantine')
      .values({ record_id: '', rev: 0, reason: '', at: 0, record: '', instance_id: '', seq: 0 })
      .onConflict((conflict) => conflict.columns(['record_id', 'rev']).doNothing())
      .compile();
    const insert = connection.prepare(statement.sql);
    this.#inTransaction(connection, () => {
      for (const row of rows) insert.run(...row);
    });
  }

  discard(keys: readonly QuarantineKey[]): number {
    const { connection, db } = this.#ledger();
    return this.#inTransaction(connection, () => runScript(connection, discardQuarantined(db, keys)));
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

  /** A file that was removed or replaced would swallow every further record, so a new one is made in its place. */
  #ledger(): OpenLedger {
    if (this.#open === undefined) {
      throw Object.assign(new Error('the ledger is not open'), { code: 'RUNLEDGER_STORE_NOT_OPEN' });
    }
    return this.#isStillThere(this.#open) ? this.#open : this.#reopen(this.#open.openedAt);
  }

  #isStillThere(open: OpenLedger): boolean {
    return open.file === fileIdentity(this.#settings.path);
  }

  #reopen(now: number): OpenLedger {
    this.#release();
    const { path } = this.#settings;
    createLedgerFile(path);
    const { connection, notice } = openConnection(this.#settings);
    try {
      const db = new Kysely<LedgerDatabase>({ dialect: nodeSqliteDialect(connection) });
      inTransaction(connection, () => runScript(connection, migrate(db, SQLITE_DIALECT, now)));
      const upsert = new ExecutionUpsert(connection, db);
      const links = new SqliteRemoteLinks(connection, db);
      this.#open = { connection, db, upsert, links, notice, file: fileIdentity(path), openedAt: now };
      this.#isSuspect = false;
      return this.#open;
    } catch (error) {
      connection.close();
      throw error;
    }
  }

  #inTransaction<T>(connection: DatabaseSync, work: () => T): T {
    try {
      return inTransaction(connection, work);
    } catch (error) {
      this.#isSuspect = true;
      throw error;
    }
  }
}

interface OpenLedger {
  readonly connection: DatabaseSync;
  readonly db: Kysely<LedgerDatabase>;
  readonly upsert: ExecutionUpsert;
  readonly links: SqliteRemoteLinks;
  readonly notice: string | undefined;
  /** What tells the file from another one at its path. */
  readonly file: string | undefined;
  readonly openedAt: number;
}
