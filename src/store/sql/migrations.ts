import type { DatabaseSync } from 'node:sqlite';
import { type Compilable, type Kysely, sql } from 'kysely';
import { EXECUTION_COLUMNS, type ExecutionColumn } from '../execution-row.ts';
import {
  FAILED_OUTCOME,
  FAILURES_INDEX,
  IS_RUN,
  IS_RUNNING,
  type LedgerDatabase,
  RUN_ID_INDEX,
  RUNNING_INDEX,
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
      const withDefault = column.default === undefined ? definition : definition.defaultTo(column.default);
      return column.notNull ? withDefault.notNull() : withDefault;
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
      .addColumn('instance_id', 'text', (column) => column.notNull())
      .addColumn('seq', 'integer', (column) => column.notNull())
      .addPrimaryKeyConstraint('record_quarantine_key', ['record_id', 'rev']),
    db.schema
      .createIndex(RUNNING_INDEX)
      .ifNotExists()
      .on('execution_records')
      .columns(['instance_id', 'record_id'])
      .where(IS_RUNNING),
    ...createAccounts(db),
    ...Object.entries(VIEWS).map(([name, text]) => createView(db, name, text)),
  ];
}

/** What proves that nothing is missing, and what is. */
function createAccounts(db: Kysely<LedgerDatabase>): readonly Compilable[] {
  return [
    db.schema
      .createTable('ledger_instances')
      .ifNotExists()
      .addColumn('instance_id', 'text', (column) => column.notNull().primaryKey())
      .addColumn('service_name', 'text', (column) => column.notNull())
      .addColumn('service_version', 'text')
      .addColumn('host', 'text', (column) => column.notNull())
      .addColumn('pid', 'integer', (column) => column.notNull())
      .addColumn('durability', 'text', (column) => column.notNull())
      .addColumn('started_at', 'real', (column) => column.notNull())
      .addColumn('heartbeat_at', 'real', (column) => column.notNull())
      .addColumn('ended_at', 'real')
      .addColumn('last_seq', 'integer', (column) => column.notNull())
      .addColumn('sampled_out', 'integer', (column) => column.notNull())
      .addColumn('pruned', 'integer', (column) => column.notNull().defaultTo(0)),
    db.schema
      .createTable('record_losses')
      .ifNotExists()
      .addColumn('instance_id', 'text', (column) => column.notNull())
      .addColumn('loss_no', 'integer', (column) => column.notNull())
      .addColumn('reason', 'text', (column) => column.notNull())
      .addColumn('records', 'integer', (column) => column.notNull())
      .addColumn('first_seq', 'integer', (column) => column.notNull())
      .addColumn('last_seq', 'integer', (column) => column.notNull())
      .addColumn('at', 'real', (column) => column.notNull())
      .addPrimaryKeyConstraint('record_losses_key', ['instance_id', 'loss_no']),
    db.schema
      .createTable('remote_children')
      .ifNotExists()
      .addColumn('parent_record_id', 'text', (column) => column.notNull())
      .addColumn('record_id', 'text', (column) => column.notNull())
      .addColumn('run_id', 'text', (column) => column.notNull())
      .addPrimaryKeyConstraint('remote_children_key', ['parent_record_id', 'record_id']),
    db.schema.createIndex('remote_children_run_id').ifNotExists().on('remote_children').column('run_id'),
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
