import type { Kysely } from 'kysely';
import type { ExecutionRecord } from '../../../records/execution-record.ts';
import type {
  LedgerReport,
  PruneReport,
  QuarantinedRecord,
  QuarantineKey,
  RetentionPolicy,
} from '../../record-store.ts';
import { linkCandidates, type RemoteChildLink, remoteChildrenOf } from '../../remote-children.ts';
import { columnBatchFromRecords } from '../column-batch.ts';
import type { LedgerDatabase } from '../database.ts';
import { findInterrupted, interruptRows, MAX_RUNNING } from '../interruption.ts';
import { writeReport } from '../ledger-report.ts';
import type { LedgerLayout } from '../ledger-schema.ts';
import { isMigrated, migrate } from '../migrations.ts';
import { discardQuarantined } from '../quarantine.ts';
import { keepRemoteChildren, linkRemoteChildren, remoteParentsAmong } from '../remote-links.ts';
import { changesOf } from '../script.ts';
import { insertOrKeep, type SqlDialect } from '../sql-dialect.ts';
import {
  inServerTransaction,
  type LedgerServer,
  type RowInsert,
  runServerScript,
  type ServerConnection,
  withConnection,
} from './ledger-server.ts';
import { quarantinedText } from './multi-row-upsert.ts';
import { pruneServer } from './server-retention.ts';

const ANY_REMOTE_CHILD = 'select 1 as found from remote_children limit 1';
/** Rows of one statement. */
const MAX_ROWS = 100;
/** Ids that are remembered; one that is forgotten is found to be there when it comes again. */
const MAX_ANNOUNCED = 10_000;

/** What {@link ServerLedger} works with. */
export interface ServerLedgerParts {
  readonly server: LedgerServer;
  readonly dialect: SqlDialect;
  readonly db: Kysely<LedgerDatabase>;
  readonly insert: RowInsert;
  readonly layout?: LedgerLayout;
  /** Sees to it that there is room for what starts now, where the layout needs that. */
  readonly makeRoom?: (connection: ServerConnection, now: number) => Promise<void>;
  /** Removes whole parts of the table that the policy keeps nothing of. Resolves to the number of rows. */
  readonly dropOld?: (connection: ServerConnection, cutoff: number) => Promise<number>;
}

/** A ledger on a database server. */
export class ServerLedger {
  readonly #parts: ServerLedgerParts;
  /** Ids of rows that this process wrote before their end: those are not new when they come again. */
  readonly #announced = new Set<string>();

  constructor(parts: ServerLedgerParts) {
    this.#parts = parts;
  }

  async init(now: number): Promise<void> {
    const { server, db, dialect, layout, makeRoom } = this.#parts;
    await withConnection(server, async (connection) => {
      if (!(await runServerScript(connection, isMigrated(db, dialect)))) {
        await connection.exclusively('migrate', () =>
          runServerScript(connection, migrate(db, dialect, now, layout)),
        );
      }
      await makeRoom?.(connection, now);
    });
  }

  async write(
    records: readonly ExecutionRecord[],
    report: LedgerReport | undefined,
    now: number,
  ): Promise<void> {
    const { server, db, dialect, insert, makeRoom } = this.#parts;
    const children = remoteChildrenOf(records);
    const besides = async (connection: ServerConnection): Promise<void> => {
      if (report !== undefined) await runServerScript(connection, writeReport(db, dialect, report));
      if (children.length > 0) await runServerScript(connection, keepRemoteChildren(db, dialect, children));
    };
    await withConnection(server, async (connection) => {
      await makeRoom?.(connection, now);
      const hasLinks = await this.#commit(connection, insert, records, besides);
      if (hasLinks) await this.#link(connection, candidatesOf(records), children);
    });
    this.#remember(records);
  }

  async interrupt(instanceIds: readonly string[], silentBefore: number): Promise<number> {
    const { server, db, dialect } = this.#parts;
    return withConnection(server, async (connection) => {
      let changes = 0;
      for (;;) {
        const found = await runServerScript(connection, findInterrupted(db, instanceIds, silentBefore));
        if (found.length === 0) return changes;
        const ended = await inServerTransaction(connection, async () => {
          const interrupted = await runServerScript(connection, interruptRows(db, found));
          await runServerScript(connection, keepRemoteChildren(db, dialect, interrupted.links));
          return interrupted;
        });
        changes += ended.changes;
        const candidates = linkCandidates(
          found.map(({ recordId }) => recordId),
          [],
        );
        await this.#link(connection, candidates, ended.links);
        if (found.length < MAX_RUNNING) return changes;
      }
    });
  }

  async quarantine(records: readonly QuarantinedRecord[], now: number): Promise<void> {
    const { server, db, dialect } = this.#parts;
    const rows = records.map(({ record, reason }) => ({
      record_id: record.recordId,
      rev: record.rev,
      reason,
      at: now,
      record: quarantinedText(record),
      instance_id: record.instanceId,
      seq: record.seq,
    }));
    await withConnection(server, (connection) =>
      inServerTransaction(connection, async () => {
        for (let at = 0; at < rows.length; at += MAX_ROWS) {
          const insert = db.insertInto('record_quarantine').values(rows.slice(at, at + MAX_ROWS));
          await runServerScript(connection, changesOf(insertOrKeep(dialect, insert, ['record_id', 'rev'])));
        }
      }),
    );
  }

  async discard(keys: readonly QuarantineKey[]): Promise<number> {
    const { server, db } = this.#parts;
    return withConnection(server, (connection) =>
      inServerTransaction(connection, () => runServerScript(connection, discardQuarantined(db, keys))),
    );
  }

  prune(policy: RetentionPolicy, now: number, isOpen: () => boolean): Promise<PruneReport> {
    return pruneServer({ ...this.#parts, isOpen }, policy, now);
  }

  /** Most batches are new and go the fast way; where that meets a key that is there, nothing of it was kept. */
  async #commit(
    connection: ServerConnection,
    insert: RowInsert,
    records: readonly ExecutionRecord[],
    besides: (connection: ServerConnection) => Promise<void>,
  ): Promise<boolean> {
    const { fresh } = insert;
    if (fresh !== undefined) {
      const [likelyNew, known] = this.#sorted(records);
      try {
        const isBegun = likelyNew.length > 0;
        return await transaction(connection, isBegun, async () => {
          if (isBegun) await fresh.call(insert, connection, columnBatchFromRecords(likelyNew));
          if (known.length > 0) await insert.merge(connection, columnBatchFromRecords(newest(known)));
          await besides(connection);
        });
      } catch (error) {
        if (!insert.isCollision(error)) throw error;
      }
    }
    return transaction(connection, false, async () => {
      if (records.length > 0) await insert.merge(connection, columnBatchFromRecords(newest(records)));
      await besides(connection);
    });
  }

  #sorted(
    records: readonly ExecutionRecord[],
  ): readonly [readonly ExecutionRecord[], readonly ExecutionRecord[]] {
    if (this.#announced.size === 0) return [records, []];
    const known = records.filter(({ recordId }) => this.#announced.has(recordId));
    if (known.length === 0) return [records, []];
    return [records.filter(({ recordId }) => !this.#announced.has(recordId)), known];
  }

  #remember(records: readonly ExecutionRecord[]): void {
    if (this.#announced.size > MAX_ANNOUNCED) this.#announced.clear();
    for (const { recordId, state } of records) {
      if (state !== 'ended') this.#announced.add(recordId);
      else if (this.#announced.size > 0) this.#announced.delete(recordId);
    }
  }

  /**
   * After the commit, each in a transaction of its own: of two writers that did not see each other, the one that
   * commits last sees both rows. One run is linked by one writer at a time.
   */
  async #link(
    connection: ServerConnection,
    candidates: readonly string[],
    children: readonly RemoteChildLink[],
  ): Promise<void> {
    const { db } = this.#parts;
    const parents = new Set(children.map((child) => child.parent_record_id));
    for (const parent of await runServerScript(connection, remoteParentsAmong(db, candidates))) {
      parents.add(parent);
    }
    if (parents.size === 0) return;
    await connection.exclusively('link', async () => {
      for (const parent of parents) await runServerScript(connection, linkRemoteChildren(db, parent));
    });
  }
}

/** Whether there are children of other processes once it is committed. The first of the work may begin the transaction itself. */
async function transaction(
  connection: ServerConnection,
  isBegunByWork: boolean,
  work: () => Promise<void>,
): Promise<boolean> {
  if (!isBegunByWork) await connection.begin();
  try {
    await work();
    return (await connection.commitAndRun(ANY_REMOTE_CHILD)).rows.length > 0;
  } catch (error) {
    await connection.run('rollback', []).catch(() => undefined);
    throw error;
  }
}

function candidatesOf(records: readonly ExecutionRecord[]): readonly string[] {
  return linkCandidates(
    records.map(({ recordId }) => recordId),
    records.map(({ failedRecordId }) => failedRecordId),
  );
}

/** One record a key, the highest revision: a statement can not change a row twice. */
function newest(records: readonly ExecutionRecord[]): readonly ExecutionRecord[] {
  const byId = new Map<string, ExecutionRecord>();
  for (const record of records) {
    const known = byId.get(record.recordId);
    if (known === undefined || record.rev > known.rev) byId.set(record.recordId, record);
  }
  return byId.size === records.length ? records : [...byId.values()];
}
