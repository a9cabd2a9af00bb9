/** The database servers a ledger can be in. */
export const SERVER_DIALECTS = ['postgres', 'mariadb', 'mysql'] as const;

export type ServerDialect = (typeof SERVER_DIALECTS)[number];

/** All that a ledger can be in. */
export const DIALECTS = ['sqlite', ...SERVER_DIALECTS] as const;

export type Dialect = (typeof DIALECTS)[number];

export type Row = Readonly<Record<string, unknown>>;

/** A ledger under test, as its oracle sees it: past runledger, by the database's own client. */
export interface Ledger {
  readonly dialect: Dialect;
  /** Version of the database, for the figures. */
  readonly version: string;
  /** Store URL of runledger. */
  readonly url: string;
  /** The same through a port of 127.0.0.1; SQLite has none. */
  urlThrough(port: number): string;
  /** The server's port and main process; undefined for a file. */
  readonly server: LedgerServer | undefined;
  query(sql: string): Promise<readonly Row[]>;
  /** Empties the ledger: the next writer makes it anew. */
  reset(): Promise<void>;
  dispose(): Promise<void>;
}

/** The database server of a ledger. */
export interface LedgerServer {
  readonly port: number;
  readonly pid: number;
  stop(signal?: NodeJS.Signals): Promise<void>;
  start(): Promise<void>;
}

const PAGE = 20_000;
const COLUMNS = `record_id, rev, seq, instance_id, kind, name, correlation_id, state, outcome, error_type, error_message,
  failed_step, recovered_failures, attributes, flags`;

/** All execution records, page by page, in the order of their keys. */
export async function* recordsOf(ledger: Ledger): AsyncGenerator<Row> {
  let after = '';
  for (;;) {
    const rows = await ledger.query(
      `select ${COLUMNS} from execution_records where record_id > '${after}' order by record_id limit ${PAGE}`,
    );
    yield* rows;
    if (rows.length < PAGE) return;
    after = String(rows.at(-1)?.record_id);
  }
}

/** The number in the only column of the only row. */
export async function countOf(ledger: Ledger, sql: string): Promise<number> {
  const [row] = await ledger.query(sql);
  return Number(Object.values(row ?? {})[0] ?? 0);
}

/**
 * Has the database note every record that is sent to it, before it finds out that it has the record already. What is
 * noted twice was sent twice.
 */
export async function countWire(ledger: Ledger): Promise<void> {
  for (const statement of WIRE[ledger.dialect]) await ledger.query(statement);
}

/** Records that were sent again in a transaction that was committed, although the ledger had them. */
export function duplicatesOnWire(ledger: Ledger): Promise<number> {
  return countOf(
    ledger,
    'select count(*) - (select count(*) from (select distinct record_id, rev from chaos_wire) as d) from chaos_wire',
  );
}

const MYSQL_WIRE = [
  'create table if not exists chaos_wire (record_id varchar(64), rev integer)',
  'drop trigger if exists chaos_wire',
  `create trigger chaos_wire before insert on execution_records for each row
    insert into chaos_wire values (new.record_id, new.rev)`,
];

const WIRE: Readonly<Record<Dialect, readonly string[]>> = {
  sqlite: [
    'create table if not exists chaos_wire (record_id text, rev integer)',
    `create trigger if not exists chaos_wire before insert on execution_records
      begin insert into chaos_wire values (new.record_id, new.rev); end`,
  ],
  postgres: [
    'create table if not exists chaos_wire (record_id text, rev integer)',
    `create or replace function chaos_wire() returns trigger language plpgsql as
      $$ begin insert into chaos_wire values (new.record_id, new.rev); return new; end $$`,
    'create or replace trigger chaos_wire before insert on execution_records for each row execute function chaos_wire()',
  ],
  mariadb: MYSQL_WIRE,
  mysql: MYSQL_WIRE,
};
