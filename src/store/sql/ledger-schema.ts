import { type Compilable, type CreateTableBuilder, type Kysely, sql } from 'kysely';
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
import type { ColumnKind, SqlDialect } from './sql-dialect.ts';
import { viewsOf } from './views.ts';

/** Columns of `execution_records` that are looked up by; the others may be of any length. */
const KEYS: ReadonlySet<string> = new Set([
  'record_id',
  'run_id',
  'parent_record_id',
  'failed_record_id',
  'instance_id',
  'kind',
  'state',
  'outcome',
  'error_fingerprint',
]);

/** Columns of a table: its kind, and whether it may be NULL (`?`) or is 0 where nobody says (`=0`). */
type TableShape = Readonly<Record<string, ColumnKind | `${ColumnKind}?` | `${ColumnKind}=0`>>;

const QUARANTINE: TableShape = {
  record_id: 'key',
  rev: 'integer',
  reason: 'text',
  at: 'real',
  record: 'text',
  instance_id: 'key',
  seq: 'integer',
};

const INSTANCES: TableShape = {
  instance_id: 'key',
  service_name: 'text',
  service_version: 'text?',
  host: 'text',
  pid: 'integer',
  durability: 'text',
  started_at: 'real',
  heartbeat_at: 'real',
  ended_at: 'real?',
  last_seq: 'integer',
  sampled_out: 'integer',
  pruned: 'integer=0',
};

const LOSSES: TableShape = {
  instance_id: 'key',
  loss_no: 'integer',
  reason: 'text',
  records: 'integer',
  first_seq: 'integer',
  last_seq: 'integer',
  at: 'real',
};

const REMOTE_CHILDREN: TableShape = { parent_record_id: 'key', record_id: 'key', run_id: 'key' };

/** How the table of records is laid out. */
export interface LedgerLayout {
  /** PostgreSQL only: by ranges of the key, which begins with the time of the start. */
  readonly partitioned?: boolean;
}

/** The whole schema, each statement such that it does nothing where its work is done. */
export function createLedger(
  db: Kysely<LedgerDatabase>,
  dialect: SqlDialect,
  layout: LedgerLayout = {},
): readonly Compilable[] {
  return [
    executionRecords(db, dialect, layout),
    ...indexes(db, dialect),
    table(db, dialect, 'record_quarantine', QUARANTINE, ['record_id', 'rev']),
    table(db, dialect, 'ledger_instances', INSTANCES, ['instance_id']),
    table(db, dialect, 'record_losses', LOSSES, ['instance_id', 'loss_no']),
    table(db, dialect, 'remote_children', REMOTE_CHILDREN, ['parent_record_id', 'record_id']),
    index(db, dialect, 'remote_children_run_id', 'remote_children', ['run_id']),
    ...Object.entries(viewsOf(dialect)).map(([name, text]) => createView(db, dialect, name, text)),
  ];
}

/** Which migrations a ledger has seen. */
export function createMigrationTable(db: Kysely<LedgerDatabase>, dialect: SqlDialect): Compilable {
  return table(db, dialect, 'runledger_migrations', { name: 'key', applied_at: 'real' }, ['name']);
}

function executionRecords(
  db: Kysely<LedgerDatabase>,
  dialect: SqlDialect,
  { partitioned = false }: LedgerLayout,
): Compilable {
  let create = db.schema.createTable('execution_records').ifNotExists();
  for (const column of EXECUTION_COLUMNS as readonly ExecutionColumn[]) {
    const kind = column.type === 'text' && KEYS.has(column.name) ? 'key' : column.type;
    create = create.addColumn(column.name, dialect.types[kind], (definition) => {
      if (column.name === 'record_id') return definition.notNull().primaryKey();
      const withDefault = column.default === undefined ? definition : definition.defaultTo(column.default);
      return column.notNull ? withDefault.notNull() : withDefault;
    });
  }
  return partitioned ? create.modifyEnd(sql`partition by range (record_id)`) : create;
}

/**
 * Few, for each costs every insert. SQLite and PostgreSQL index what is looked for alone; MySQL can not, and has the
 * whole table in order of the columns that tell.
 */
function indexes(db: Kysely<LedgerDatabase>, dialect: SqlDialect): readonly Compilable[] {
  const on = 'execution_records';
  const byRun = index(db, dialect, RUN_ID_INDEX, on, ['run_id']);
  if (dialect.name === 'mysql') {
    return [
      byRun,
      index(db, dialect, RUNS_INDEX, on, ['parent_record_id', 'record_id']),
      index(db, dialect, FAILURES_INDEX, on, ['outcome', 'record_id']),
      index(db, dialect, RUNNING_INDEX, on, ['state', 'instance_id']),
    ];
  }
  const filters = ['parent_record_id', 'kind', 'outcome', 'name', 'tenant', 'correlation_id'];
  // An entry of PostgreSQL's index has a bound, and names have none.
  const runs = dialect.name === 'postgres' ? filters.slice(0, 3) : filters;
  const failures = ['run_id', 'record_id', 'outcome', 'failed_record_id', 'error_fingerprint', 'ended_at'];
  return [
    byRun,
    partialIndex(db, RUNS_INDEX, on, ['record_id', ...runs], IS_RUN),
    partialIndex(db, FAILURES_INDEX, on, failures, FAILED_OUTCOME),
    partialIndex(db, RUNNING_INDEX, on, ['instance_id', 'record_id'], IS_RUNNING),
  ];
}

function index(
  db: Kysely<LedgerDatabase>,
  dialect: SqlDialect,
  name: string,
  on: string,
  columns: readonly string[],
): Compilable {
  // MySQL has no `if not exists` for an index (MariaDB has); see the migrations, which look first.
  const create = db.schema.createIndex(name);
  return (dialect.name === 'mysql' ? create : create.ifNotExists()).on(on).columns([...columns]);
}

function partialIndex(
  db: Kysely<LedgerDatabase>,
  name: string,
  on: string,
  columns: readonly string[],
  where: typeof FAILED_OUTCOME | typeof IS_RUN,
): Compilable {
  return db.schema
    .createIndex(name)
    .ifNotExists()
    .on(on)
    .columns([...columns])
    .where(where);
}

function table(
  db: Kysely<LedgerDatabase>,
  dialect: SqlDialect,
  name: string,
  shape: TableShape,
  key: readonly string[],
): Compilable {
  let create: CreateTableBuilder<string, string> = db.schema.createTable(name).ifNotExists();
  for (const [column, form] of Object.entries(shape)) {
    const [, kind = '', rest = ''] = /^([a-z]+)(.*)$/.exec(form) ?? [];
    create = create.addColumn(column, dialect.types[kind as ColumnKind], (definition) => {
      if (rest === '?') return definition;
      return rest === '=0' ? definition.notNull().defaultTo(0) : definition.notNull();
    });
  }
  return create.addPrimaryKeyConstraint(`${name}_key`, [...key]);
}

/** Names and texts of views are constants of ours. */
function createView(db: Kysely<LedgerDatabase>, dialect: SqlDialect, name: string, text: string): Compilable {
  const statement = sql`${sql.raw(dialect.createView)} ${sql.id(name)} as ${sql.raw(text)}`;
  return { compile: () => statement.compile(db) };
}
