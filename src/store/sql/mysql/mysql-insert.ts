import { type Kysely, sql } from 'kysely';
import { EXECUTION_COLUMNS } from '../../execution-row.ts';
import type { LedgerDatabase } from '../database.ts';
import type { RowInsert, RowSource, ServerConnection } from '../server/ledger-server.ts';
import { MultiRowUpsert } from '../server/multi-row-upsert.ts';

const NAMES = EXECUTION_COLUMNS.map((column) => column.name);

const DUPLICATE_ENTRY = 1062;

/** Rows by prepared inserts of many rows where the keys are new, by upserts of many rows otherwise: those take twice as long. */
export class MysqlInsert implements RowInsert {
  readonly #insert: MultiRowUpsert;
  readonly #upsert: MultiRowUpsert;

  constructor(db: Kysely<LedgerDatabase>) {
    const limits = { maxParameters: 65_535, maxRows: 512 };
    this.#insert = new MultiRowUpsert({
      ...limits,
      compile: (columns, rows) => insertOf(db, columns, rows).compile().sql,
    });
    this.#upsert = new MultiRowUpsert({ ...limits, compile: (columns, rows) => upsertOf(db, columns, rows) });
  }

  async fresh(connection: ServerConnection, batch: RowSource): Promise<void> {
    await connection.begin();
    await this.#insert.run(connection, batch);
  }

  merge(connection: ServerConnection, batch: RowSource): Promise<void> {
    return this.#upsert.run(connection, batch);
  }

  isCollision(error: unknown): boolean {
    return (error as { errno?: unknown }).errno === DUPLICATE_ENTRY;
  }
}

/**
 * A column that is not filled is NULL in a new row, and becomes NULL in a row that is replaced. The revision comes last: the
 * columns before it are compared with the one that was there.
 */
function upsertOf(db: Kysely<LedgerDatabase>, columns: readonly number[], rows: number): string {
  const names = [...NAMES.filter((name) => name !== 'rev' && name !== 'record_id'), 'rev' as const];
  const isNewer = sql`values(rev) > rev`;
  const changes = names.map((name) => [
    name,
    sql`if(${isNewer}, values(${sql.ref(name)}), ${sql.ref(name)})`,
  ]);
  return insertOf(db, columns, rows).onDuplicateKeyUpdate(Object.fromEntries(changes)).compile().sql;
}

/** Only the order of the keys matters: every value becomes a parameter. */
function insertOf(db: Kysely<LedgerDatabase>, columns: readonly number[], rows: number) {
  const row = Object.fromEntries(columns.map((index) => [NAMES[index], 0])) as never;
  return db.insertInto('execution_records').values(Array.from({ length: rows }, () => row));
}
