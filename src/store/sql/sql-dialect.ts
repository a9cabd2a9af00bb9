import {
  type ColumnDataType,
  type Expression,
  type InsertQueryBuilder,
  type InsertResult,
  type RawBuilder,
  sql,
} from 'kysely';
import type { LedgerDatabase } from './database.ts';

type ColumnType = ColumnDataType | Expression<unknown>;

/** What a column can hold. `key` is a text that is compared and indexed; it may be bounded. */
export type ColumnKind = 'key' | 'text' | 'integer' | 'real';

/** What one database says otherwise than the others, as data. */
export interface SqlDialect {
  readonly name: 'sqlite' | 'postgres' | 'mysql';
  readonly types: Readonly<Record<ColumnKind, ColumnType>>;
  /** How the statement that makes a view begins. */
  readonly createView: string;
  /** A column of milliseconds since the Unix epoch as text, for views. */
  utcText(column: string): string;
  /** In an upsert, the value of the row that was to be inserted. */
  inserted<T>(column: string): RawBuilder<T>;
  /** The larger of two values; what it says where one is NULL differs. */
  larger(one: RawBuilder<number>, other: RawBuilder<number>): RawBuilder<number>;
}

export const SQLITE_DIALECT: SqlDialect = {
  name: 'sqlite',
  types: { key: 'text', text: 'text', integer: 'integer', real: 'real' },
  createView: 'create view if not exists',
  utcText: (column) => `strftime('%Y-%m-%dT%H:%M:%fZ', ${column} / 1000.0, 'unixepoch')`,
  inserted: (column) => sql.ref(`excluded.${column}`),
  larger: (one, other) => sql`max(${one}, ${other})`,
};

/** Text compares by code points everywhere, as in SQLite: ids are looked up by ranges. */
export const POSTGRES_DIALECT: SqlDialect = {
  name: 'postgres',
  types: {
    key: sql`text collate "C"`,
    text: sql`text collate "C"`,
    integer: 'bigint',
    real: 'double precision',
  },
  createView: 'create or replace view',
  utcText: (column) =>
    `to_char(to_timestamp(${column} / 1000.0) at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')`,
  inserted: (column) => sql.ref(`excluded.${column}`),
  larger: (one, other) => sql`greatest(${one}, ${other})`,
};

export const MYSQL_DIALECT: SqlDialect = {
  name: 'mysql',
  types: {
    key: sql`varchar(255) character set utf8mb4 collate utf8mb4_bin`,
    text: sql`mediumtext character set utf8mb4 collate utf8mb4_bin`,
    integer: 'bigint',
    real: 'double precision',
  },
  createView: 'create or replace view',
  utcText: (column) =>
    `concat(left(date_format(date_add('1970-01-01', interval ${column} * 1000 microsecond), '%Y-%m-%dT%H:%i:%s.%f'), 23), 'Z')`,
  // The function is old, and the only form that MySQL and MariaDB both know.
  inserted: (column) => sql`values(${sql.ref(column)})`,
  larger: (one, other) => sql`greatest(${one}, ${other})`,
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
