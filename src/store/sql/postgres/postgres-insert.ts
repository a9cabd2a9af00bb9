import type { Writable } from 'node:stream';
import { finished } from 'node:stream/promises';
import { type Kysely, sql } from 'kysely';
import { EXECUTION_COLUMNS } from '../../execution-row.ts';
import { filledColumns } from '../column-batch.ts';
import type { LedgerDatabase } from '../database.ts';
import type { RowInsert, RowSource, ServerConnection } from '../server/ledger-server.ts';
import { MultiRowUpsert } from '../server/multi-row-upsert.ts';
import { copyTextFrom } from './copy-text.ts';
import type { PostgresConnection } from './postgres-connection.ts';

const UNIQUE_VIOLATION = '23505';
const NAMES = EXECUTION_COLUMNS.map((column) => column.name);

/** `copyFrom` of `pg-copy-streams`: a stream that a client takes as a query. */
export type CopyFrom = (text: string) => Writable;

/** Rows by COPY where `pg-copy-streams` is installed and the keys are new, by multi-row upserts otherwise. */
export class PostgresInsert implements RowInsert {
  readonly fresh?: (connection: ServerConnection, batch: RowSource) => Promise<void>;
  readonly #upsert: MultiRowUpsert;

  constructor(db: Kysely<LedgerDatabase>, copyFrom: CopyFrom | undefined) {
    this.#upsert = new MultiRowUpsert({
      maxParameters: 32_767,
      maxRows: 512,
      compile: (columns, rows) => upsertOf(db, columns, rows),
    });
    if (copyFrom !== undefined) {
      this.fresh = (connection, batch) => copy(copyFrom, connection as PostgresConnection, batch);
    }
  }

  merge(connection: ServerConnection, batch: RowSource): Promise<void> {
    return this.#upsert.run(connection, batch);
  }

  isCollision(error: unknown): boolean {
    return (error as { code?: unknown }).code === UNIQUE_VIOLATION;
  }
}

async function copy(copyFrom: CopyFrom, connection: PostgresConnection, batch: RowSource): Promise<void> {
  const columns = filledColumns(batch);
  const names = columns.map((index) => NAMES[index]).join(', ');
  const stream = copyFrom(`${connection.beginning}; copy execution_records (${names}) from stdin`);
  // The client takes the stream for a query; its type does not say so.
  connection.client.query(stream as never);
  const done = finished(stream);
  stream.end(copyTextFrom(batch, columns));
  await connection.bounded(done);
}

/** A column that is not filled is NULL in a new row, and becomes NULL in a row that is replaced. */
function upsertOf(db: Kysely<LedgerDatabase>, columns: readonly number[], rows: number): string {
  // Only the order of the keys matters: every value becomes a parameter.
  const row = Object.fromEntries(columns.map((index) => [NAMES[index], 0])) as never;
  return db
    .insertInto('execution_records')
    .values(Array.from({ length: rows }, () => row))
    .onConflict((conflict) =>
      conflict
        .column('record_id')
        .doUpdateSet(Object.fromEntries(NAMES.map((name) => [name, sql.ref(`excluded.${name}`)])) as never)
        .whereRef('excluded.rev', '>', 'execution_records.rev'),
    )
    .compile().sql;
}
