import { type Compilable, type Kysely, sql } from 'kysely';
import { EXECUTION_COLUMNS } from '../execution-row.ts';
import type { LedgerDatabase } from './database.ts';
import { createLedger, createMigrationTable, type LedgerLayout } from './ledger-schema.ts';
import { changesOf, rowsOf, type SqlScript } from './script.ts';
import { insertOrMerge, type SqlDialect } from './sql-dialect.ts';

/** A step of the schema. It only adds, so that an older version of us can go on writing the columns it knows. */
interface Migration {
  /** Starts with its number; the order of names is the order of migrations. */
  readonly name: string;
  readonly statements: (
    db: Kysely<LedgerDatabase>,
    dialect: SqlDialect,
    layout: LedgerLayout,
  ) => readonly Compilable[];
}

const MIGRATIONS: readonly Migration[] = [{ name: '0001_execution_records', statements: createLedger }];

/** The newest migration this version knows. */
export const NEWEST_MIGRATION: string = MIGRATIONS.at(-1)?.name ?? '';

/**
 * Brings a ledger to this version's schema, or leaves it as it is where a newer version has already added to it.
 * Whoever runs it sees to it that nobody else does meanwhile, so that any number of processes can start at once: the
 * first one migrates, the others wait and find nothing to do.
 */
export function* migrate(
  db: Kysely<LedgerDatabase>,
  dialect: SqlDialect,
  now: number,
  layout: LedgerLayout = {},
): SqlScript<void> {
  yield* changesOf(createMigrationTable(db, dialect));
  for (const migration of yield* missingMigrations(db, dialect)) {
    for (const statement of migration.statements(db, dialect, layout)) {
      if (yield* isThere(db, dialect, statement)) continue;
      yield* changesOf(statement);
    }
    const insert = db.insertInto('runledger_migrations').values({ name: migration.name, applied_at: now });
    yield* changesOf(
      insertOrMerge(dialect, insert, ['name'], { applied_at: dialect.inserted('applied_at') }),
    );
  }
  yield* assertWritable(db, dialect);
}

/** Whether the ledger has all that this version knows, by reading alone: a role that may only write rows needs no more. */
export function* isMigrated(db: Kysely<LedgerDatabase>, dialect: SqlDialect): SqlScript<boolean> {
  const columns = yield* columnsOf(db, dialect, 'runledger_migrations');
  if (columns.length === 0) return false;
  if ((yield* missingMigrations(db, dialect)).length > 0) return false;
  yield* assertWritable(db, dialect);
  return true;
}

/** A ledger whose table was dropped by hand starts over. */
function* missingMigrations(
  db: Kysely<LedgerDatabase>,
  dialect: SqlDialect,
): SqlScript<readonly Migration[]> {
  const columns = yield* columnsOf(db, dialect, 'execution_records');
  if (columns.length === 0) return MIGRATIONS;
  const applied = yield* rowsOf(db.selectFrom('runledger_migrations').select('name'));
  const names = new Set(applied.map(({ name }) => name));
  return MIGRATIONS.filter(({ name }) => !names.has(name));
}

/** MySQL makes an index twice, or refuses to; what was cut short before it got there has to be finished. */
function* isThere(
  db: Kysely<LedgerDatabase>,
  dialect: SqlDialect,
  statement: Compilable,
): SqlScript<boolean> {
  const name =
    dialect.name === 'mysql' ? /^create index `(\w+)`/.exec(statement.compile().sql)?.[1] : undefined;
  if (name === undefined) return false;
  const found = yield* rowsOf(
    compilable(
      db,
      sql<object>`select 1 as found from information_schema.statistics where table_schema = database() and index_name = ${name} limit 1`,
    ),
  );
  return found.length > 0;
}

interface ColumnRow {
  readonly name: string;
  /** 1 where a row can not be inserted without it. */
  readonly demanded: number;
}

function* columnsOf(
  db: Kysely<LedgerDatabase>,
  dialect: SqlDialect,
  table: string,
): SqlScript<readonly ColumnRow[]> {
  const { rows } = yield compilable(db, columnsQuery(dialect, table));
  return rows as readonly ColumnRow[];
}

function columnsQuery(dialect: SqlDialect, table: string) {
  switch (dialect.name) {
    case 'sqlite':
      return sql<ColumnRow>`select name, "notnull" = 1 and dflt_value is null as demanded from pragma_table_info(${table})`;
    case 'postgres':
      return sql<ColumnRow>`select attname as name, case when attnotnull and not atthasdef then 1 else 0 end as demanded
        from pg_attribute where attrelid = to_regclass(${table}) and attnum > 0 and not attisdropped`;
    case 'mysql':
      return sql<ColumnRow>`select column_name as name, case when is_nullable = 'NO' and column_default is null then 1 else 0 end as demanded
        from information_schema.columns where table_schema = database() and table_name = ${table}`;
  }
}

/** A newer schema is fine as long as a row of ours still fits into it. */
function* assertWritable(db: Kysely<LedgerDatabase>, dialect: SqlDialect): SqlScript<void> {
  const found = yield* columnsOf(db, dialect, 'execution_records');
  const names = new Set(found.map(({ name }) => name));
  const ours = new Set<string>(EXECUTION_COLUMNS.map((column) => column.name));
  const missing = [...ours].filter((name) => !names.has(name));
  const demanded = found.filter(({ name, demanded }) => !ours.has(name) && Number(demanded) === 1);
  if (missing.length === 0 && demanded.length === 0) return;
  const message = `the ledger has another schema: ${[
    ...missing.map((name) => `it has no column ${name}`),
    ...demanded.map(({ name }) => `it demands a column ${name}`),
  ].join(
    ', ',
  )}. It was made by another version of runledger or changed by hand: update runledger, or use another ledger.`;
  throw Object.assign(new Error(message), { code: 'RUNLEDGER_SCHEMA_MISMATCH' });
}

function compilable<Row>(db: Kysely<LedgerDatabase>, query: ReturnType<typeof sql<Row>>): Compilable<Row> {
  return { compile: () => query.compile(db) };
}
