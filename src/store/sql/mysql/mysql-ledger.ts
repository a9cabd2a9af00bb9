import { serverDatabase } from '../server/server-database.ts';
import { ServerLedger } from '../server/server-ledger.ts';
import { MYSQL_DIALECT } from '../sql-dialect.ts';
import { type MysqlLimits, MysqlServer } from './mysql-connection.ts';
import { MysqlInsert } from './mysql-insert.ts';
import { type MysqlPool, openMysqlPool } from './mysql-pool.ts';

/** What a ledger on MySQL or MariaDB is opened with. */
export interface MysqlLedgerSettings extends MysqlLimits {
  readonly url: string | undefined;
  readonly pool: MysqlPool | undefined;
  readonly maxConnections: number;
  readonly holdsProcess: boolean;
}

/** A ledger, and how to let go of its connections. */
export interface OpenedMysql {
  readonly ledger: ServerLedger;
  readonly server: MysqlServer;
}

/** Gets at the driver and puts the ledger together; connects with the first call. */
export async function openMysqlLedger(settings: MysqlLedgerSettings): Promise<OpenedMysql> {
  const { url, pool } = settings;
  const server = new MysqlServer(
    pool ?? (await openMysqlPool({ ...settings, url: url ?? '' })),
    pool === undefined,
    settings,
  );
  const db = serverDatabase('mysql', server);
  const ledger = new ServerLedger({ server, dialect: MYSQL_DIALECT, db, insert: new MysqlInsert(db) });
  return { ledger, server };
}
