import { createConnection } from 'mysql2/promise';
import { mariadb, mysql } from '../../test/support/mysql-server.ts';
import { Skipped } from '../scenario.ts';
import type { Ledger, Row } from './ledger.ts';

/** A ledger in a MariaDB or MySQL server of its own. */
export async function mysqlLedger(dialect: 'mariadb' | 'mysql'): Promise<Ledger> {
  const { name, isInstalled, start } = { mariadb, mysql }[dialect];
  if (!isInstalled) throw new Skipped(`${name} is not installed`);
  const server = await start({ 'max-connections': '200' });
  const query = async (sql: string) => {
    const connection = await createConnection({ uri: server.url, multipleStatements: true });
    try {
      const [rows] = await connection.query(sql);
      return (Array.isArray(rows) ? rows : []) as readonly Row[];
    } finally {
      await connection.end();
    }
  };
  const [version] = await query('select version() as version');
  return {
    dialect,
    version: `${name} ${String(version?.version).split('-')[0]}`,
    url: server.url,
    urlThrough: (port) => server.url.replace(`:${server.port}/`, `:${port}/`),
    server,
    query,
    reset: async () => {
      await query('drop database ledger; create database ledger character set utf8mb4');
    },
    dispose: () => server.dispose(),
  };
}
