import { sql } from 'kysely';
import { type LedgerServerKind, shownUrl } from '../../ledger-location.ts';
import type { LedgerReader, QueryResult } from '../../ledger-reader.ts';
import { LedgerError } from '../ledger-error.ts';
import { MYSQL_DIALECT, POSTGRES_DIALECT } from '../sql-dialect.ts';
import { type ReaderSource, SqlLedgerReader } from '../sql-ledger-reader.ts';
import { type LedgerServer, withConnection } from './ledger-server.ts';
import { serverDatabase } from './server-database.ts';
import { serverErrorFrom } from './server-error.ts';

const LIMITS = {
  maxConnections: 1,
  connectTimeoutMillis: 5_000,
  queryTimeoutMillis: 60_000,
  holdsProcess: true,
};

/** A server that can run a query of the user's own, in a transaction that only reads. */
export interface ReadableServer extends LedgerServer {
  query(text: string): Promise<QueryResult>;
}

/** Opens a ledger on a server to read it. Rejects with a `LedgerError` that says what to do, without the password. */
export async function openServerLedger(kind: LedgerServerKind, url: string): Promise<LedgerReader> {
  const shown = shownUrl(url);
  let server: ReadableServer | undefined;
  try {
    server = await connect(kind, url);
    await assertLedger(kind, server, shown);
    return new SqlLedgerReader(sourceOf(kind, server, shown));
  } catch (error) {
    await server?.close();
    throw serverErrorFrom(error, shown) ?? error;
  }
}

async function connect(kind: LedgerServerKind, url: string): Promise<ReadableServer> {
  if (kind === 'postgres') {
    const [{ PostgresServer }, { openPostgresPool }] = await Promise.all([
      import('../postgres/postgres-server.ts'),
      import('../postgres/postgres-pool.ts'),
    ]);
    return new PostgresServer(await openPostgresPool({ ...LIMITS, url }), true, LIMITS);
  }
  const [{ MysqlServer }, { openMysqlPool }] = await Promise.all([
    import('../mysql/mysql-connection.ts'),
    import('../mysql/mysql-pool.ts'),
  ]);
  return new MysqlServer(await openMysqlPool({ ...LIMITS, url }), true, LIMITS);
}

async function assertLedger(kind: LedgerServerKind, server: LedgerServer, shown: string): Promise<void> {
  const query =
    kind === 'postgres'
      ? "select 1 as found where to_regclass('execution_records') is not null"
      : "select 1 as found from information_schema.tables where table_schema = database() and table_name = 'execution_records'";
  const { rows } = await withConnection(server, (connection) => connection.run(query, []));
  if (rows.length > 0) return;
  throw new LedgerError(
    'NOT_A_LEDGER',
    `${shown} has no table execution_records, so there is no ledger in it yet. It is made by the first pipeline that runs with this store.`,
  );
}

function sourceOf(kind: LedgerServerKind, server: ReadableServer, shown: string): ReaderSource {
  const db = serverDatabase(kind, server);
  const tables = [
    'execution_records',
    'record_quarantine',
    'ledger_instances',
    'record_losses',
    'remote_children',
  ];
  const size =
    kind === 'postgres'
      ? // Of a partitioned table the parts hold the rows.
        sql<{ bytes: number }>`select coalesce(sum(pg_total_relation_size(c.oid)), 0) as bytes from pg_class c
          where c.oid in (select to_regclass(t) from unnest(array[${sql.join(tables)}]::text[]) t)
            or c.oid in (select inhrelid from pg_inherits where inhparent = to_regclass('execution_records'))`
      : sql<{
          bytes: number;
        }>`select coalesce(sum(data_length + index_length), 0) as bytes from information_schema.tables
          where table_schema = database() and table_name in (${sql.join(tables)})`;
  return {
    dialect: kind === 'postgres' ? POSTGRES_DIALECT : MYSQL_DIALECT,
    db,
    query: (text) => server.query(text),
    bytes: async () => Number((await size.execute(db)).rows[0]?.bytes ?? 0),
    explain: (error) => serverErrorFrom(error, shown),
    close: () => server.close(),
  };
}
