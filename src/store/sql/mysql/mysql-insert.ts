import { type Kysely, sql } from 'kysely';
import { EXECUTION_COLUMNS } from '../../execution-row.ts';
import type { LedgerDatabase } from '../database.ts';
import type { RowInsert, RowSource, ServerConnection } from '../server/ledger-server.ts';
import { MultiRowUpsert } from '../server/multi-row-upsert.ts';

const NAMES = EXECUTION_COLUMNS.map((column) => column.name);

/** Rows by prepared multi-row upserts. */
export class MysqlInsert implements RowInsert {
  readonly #upsert: MultiRowUpsert;

  constructor(db: Kysely<LedgerDatabase>) {
    this.#upsert = new MultiRowUpsert({
      maxParameters: 65_535,
      maxRows: 512,
      compile: (columns, rows) => upsertOf(db, columns, rows),
    });
  }

  merge(connection: ServerConnection, batch: RowSource): Promise<void> {
    return this.#upsert.run(connection, batch);
  }

  isCollision(): boolean {
    return false;
  }
}

/**
 * A column that is not filled is NULL in a new row, and becomes NULL in a row that is replaced. The revision comes last: the
 * columns before it are compared with the one that was there.
 */
function upsertOf(db: Kysely<LedgerDatabase>, columns: readonly number[], rows: number): string {
  const row = Object.fromEntries(columns.map((index) => [NAMES[index], 0])) as never;
  const names = [...NAMES.filter((name) => name !== 'rev' && name !== 'record_id'), 'rev' as const];
  const isNewer = sql`values(rev) > rev`;
  const changes = names.map((name) => [
    name,
    sql`if(${isNewer}, values(${sql.ref(name)}), ${sql.ref(name)})`,
  ]);
  return db
    .insertInto('execution_records')
    .values(Array.from({ length: rows }, () => row))
    .onDuplicateKeyUpdate(Object.fromEntries(changes))
    .compile().sql;
}
