import type { Kysely } from 'kysely';
import { EXECUTION_COLUMNS } from '../execution-row.ts';
import type { LedgerDatabase } from './database.ts';

/**
 * The statement that keeps one record: a new key is inserted, a known one replaced whole by a higher revision and
 * left alone by any other. Compiled once; its parameters are the values in column order.
 */
export function executionUpsert(db: Kysely<LedgerDatabase>): string {
  const names = EXECUTION_COLUMNS.map((column) => column.name);
  // Only the order of the keys matters: every value becomes a parameter.
  const row = Object.fromEntries(names.map((name) => [name, 0])) as never;
  return db
    .insertInto('execution_records')
    .values(row)
    .onConflict((conflict) =>
      conflict
        .column('record_id')
        .doUpdateSet((eb) => Object.fromEntries(names.map((name) => [name, eb.ref(`excluded.${name}`)])))
        .whereRef('excluded.rev', '>', 'execution_records.rev'),
    )
    .compile().sql;
}
