import type { DatabaseSync } from 'node:sqlite';
import { type Compilable, type Kysely, sql } from 'kysely';
import { EXECUTION_COLUMNS, type ExecutionColumn } from '../execution-row.ts';
import {
  FAILED_OUTCOME,
  FAILURES_INDEX,
  IS_RUN,
  type LedgerDatabase,
  RUN_ID_INDEX,
  RUNS_INDEX,
} from './database.ts';
import { inTransaction } from './sqlite-transaction.ts';
import { VIEWS } from './views.ts';

/** A step of the schema. It only adds, so that an older version of us can go on writing the columns it knows. */
interface Migration {
  /** Starts with its number; the order of names is the order of migrations. */
  readonly name: string;
  readonly statements: (db: Kysely<LedgerDatabase>) => readonly Compilable[];
}

const MIGRATIONS: readonly Migration[] = [{ name: '0001_execution_records', statements: createLedger }];

/** The newest migration this version knows. */
export const NEWEST_MIGRATION: string = MIGRATIONS.at(-1)?.name ?? '';

/**
 * Brings a ledger to this version's schema, or leaves it as it is where a newer version has already added to it.
 * One write transaction, so that any number of processes can start at once: the first one migrates, the others
 * wait for its lock and find nothing to do.
 */
export function migrate(connection: DatabaseSync, db: Kysely<LedgerDatabase>, now: number): void {
  inTransaction(connection, () => {
    run(connection, createMigrationTable(db));
    // A ledger whose table was dropped by hand starts over.
    const applied = hasTable(connection, 'execution_records') ? appliedMigrations(connection) : new Set();
    for (const migration of MIGRATIONS) {
      if (applied.has(migration.name)) continue;
      for (const statement of migration.statements(db)) run(connection, statement);
      const row = { name: migration.name, applied_at: now };
      run(connection, db.replaceInto('runledger_migrations').values(row));
    }
    assertWritable(connection);
  });
}

function createLedger(db: Kysely<LedgerDatabase>): readonly Compilable[] {
  let table = db.schema.createTable('execution_records').ifNotExists();
  for (const column of EXECUTION_COLUMNS as readonly ExecutionColumn[]) {
    table = table.addColumn(column.name, column.type, (definition) => {
      if (column.name === 'record_id') return definition.notNull().primaryKey();
      return column.notNull ? definition.notNull() : definition;
    });
  }
  return [
    table,
    db.schema.createIndex(RUN_ID_INDEX).ifNotExists().on('execution_records').column('run_id'),
    db.schema
      .createIndex(RUNS_INDEX)
      .ifNotExists()
      .on('execution_records')
      .columns(['record_id', 'parent_record_id', 'kind', 'outcome', 'name', 'tenant', 'correlation_id'])
      .where(IS_RUN),
    db.schema
      .createIndex(FAILURES_INDEX)
      .ifNotExists()
      .on('execution_records')
      .columns(['run_id', 'record_id', 'outcome', 'failed_record_id', 'error_fingerprint', 'ended_at'])
      .where(FAILED_OUTCOME),
    db.schema
      .createTable('record_quarantine')
      .ifNotExists()
      .addColumn('record_id', 'text', (column) => column.notNull())
      .addColumn('rev', 'integer', (column) => column.notNull())
      .addColumn('reason', 'text', (column) => column.notNull())
      .addColumn('at', 'real', (column) => column.notNull())
      .addColumn('record', 'text', (column) => column.notNull())
      .addPrimaryKeyConstraint('record_quarantine_key', ['record_id', 'rev']),
    ...Object.entries(VIEWS).map(([name, text]) => createView(db, name, text)),
  ];
}

/** Names and texts of views are constants of ours. */
function createView(db: Kysely<LedgerDatabase>, name: string, text: string): Compilable {
  const statement = sql`create view if not exists ${sql.id(name)} as ${sql.raw(text)}`;
  return { compile: () => statement.compile(db) };
}

function createMigrationTable(db: Kysely<LedgerDatabase>): Compilable {
  return db.schema
    .createTable('runledger_migrations')
    .ifNotExists()
    .addColumn('name', 'text', (column) => column.notNull().primaryKey())
    .addColumn('applied_at', 'real', (column) => column.notNull());
}

function run(connection: DatabaseSync, statement: Compilable): void {
  const { sql: text, parameters } = statement.compile();
  connection.prepare(text).run(...(parameters as (string | number)[]));
}

function hasTable(connection: DatabaseSync, name: string): boolean {
  const found = connection.prepare("select 1 from sqlite_schema where type = 'table' and name = ?").get(name);
  return found !== undefined;
}

function appliedMigrations(connection: DatabaseSync): ReadonlySet<unknown> {
  return new Set(
    connection
      .prepare('select name from runledger_migrations')
      .all()
      .map((row) => row.name),
  );
}

/** A newer schema is fine as long as a row of ours still fits into it. */
function assertWritable(connection: DatabaseSync): void {
  const found = connection.prepare("select * from pragma_table_info('execution_records')").all();
  const names = new Set(found.map((column) => column.name));
  const ours = new Set<unknown>(EXECUTION_COLUMNS.map((column) => column.name));
  const missing = [...ours].filter((name) => !names.has(name as string));
  const demanded = found.filter(
    (column) => !ours.has(column.name) && column.notnull && column.dflt_value === null,
  );
  if (missing.length === 0 && demanded.length === 0) return;
  const message = `the ledger has another schema: ${[
    ...missing.map((name) => `it has no column ${String(name)}`),
    ...demanded.map((column) => `it demands a column ${String(column.name)}`),
  ].join(
    ', ',
  )}. It was made by another version of runledger or changed by hand: update runledger, or use another file.`;
  throw Object.assign(new Error(message), { code: 'RUNLEDGER_SCHEMA_MISMATCH' });
}
