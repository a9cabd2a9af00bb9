import { type InsertQueryBuilder, type InsertResult, type RawBuilder, sql } from 'kysely';
import type { LedgerDatabase } from './database.ts';

/** What one database says otherwise than the others, as data. */
export interface SqlDialect {
  readonly name: 'sqlite' | 'postgres' | 'mysql';
  /** In an upsert, the value of the row that was to be inserted. */
  inserted<T>(column: string): RawBuilder<T>;
  /** The larger of two values; what it says where one is NULL differs. */
  larger(one: RawBuilder<number>, other: RawBuilder<number>): RawBuilder<number>;
}

export const SQLITE_DIALECT: SqlDialect = {
  name: 'sqlite',
  inserted: (column) => sql.ref(`excluded.${column}`),
  larger: (one, other) => sql`max(${one}, ${other})`,
};

type Insert<Table extends keyof LedgerDatabase> = InsertQueryBuilder<LedgerDatabase, Table, InsertResult>;

/** An insert that leaves a row alone whose key is there. */
export function insertOrKeep<Table extends keyof LedgerDatabase>(
  dialect: SqlDialect,
  insert: Insert<Table>,
  keys: readonly [string, ...string[]],
): Insert<Table> {
  // Not `insert ignore`: that takes what the table refuses for its content too, cut to fit.
  if (dialect.name === 'mysql') return insert.onDuplicateKeyUpdate({ [keys[0]]: sql.ref(keys[0]) } as never);
  return insert.onConflict((conflict) => conflict.columns(keys as never).doNothing());
}

/** An insert that changes a row whose key is there. */
export function insertOrMerge<Table extends keyof LedgerDatabase>(
  dialect: SqlDialect,
  insert: Insert<Table>,
  keys: readonly [string, ...string[]],
  changes: Readonly<Record<string, RawBuilder<unknown>>>,
): Insert<Table> {
  if (dialect.name === 'mysql') return insert.onDuplicateKeyUpdate(changes as never);
  return insert.onConflict((conflict) => conflict.columns(keys as never).doUpdateSet(changes as never));
}
