import type { DatabaseSync, StatementSync } from 'node:sqlite';
import type { Kysely } from 'kysely';
import type { RemoteChildLink } from '../remote-children.ts';
import type { LedgerDatabase } from './database.ts';
import { keepRemoteChildren, linkRemoteChildren, remoteParentsAmong } from './remote-links.ts';
import { runScript } from './script.ts';
import { SQLITE_DIALECT } from './sql-dialect.ts';

/** Links rows with their parents and children in other processes, inside the caller's transaction. */
export class SqliteRemoteLinks {
  readonly #connection: DatabaseSync;
  readonly #db: Kysely<LedgerDatabase>;
  readonly #any: StatementSync;

  constructor(connection: DatabaseSync, db: Kysely<LedgerDatabase>) {
    this.#connection = connection;
    this.#db = db;
    this.#any = connection.prepare('select 1 from remote_children limit 1');
  }

  /** Looks for parents among the candidates and for those of the children. A ledger of one process pays for one look. */
  link(candidates: () => readonly string[], children: readonly RemoteChildLink[]): void {
    if (children.length > 0) {
      runScript(this.#connection, keepRemoteChildren(this.#db, SQLITE_DIALECT, children));
    }
    if (this.#any.get() === undefined) return;
    const parents = new Set(children.map((child) => child.parent_record_id));
    const amongThem = runScript(this.#connection, remoteParentsAmong(this.#db, candidates()));
    for (const parent of amongThem) parents.add(parent);
    for (const parent of parents) runScript(this.#connection, linkRemoteChildren(this.#db, parent));
  }
}
