import { hasPostgres, startPostgres } from '../../test/support/postgres-server.ts';
import { Skipped } from '../scenario.ts';
import { askPostgres } from './ask-postgres.ts';
import type { Ledger } from './ledger.ts';

/** A ledger in a PostgreSQL server of its own. */
export async function postgresLedger(): Promise<Ledger> {
  if (!hasPostgres) throw new Skipped('PostgreSQL is not installed');
  const server = await startPostgres({ max_connections: '200' });
  const query = (sql: string) => askPostgres(server.url, sql);
  const [version] = await query('show server_version');
  return {
    dialect: 'postgres',
    version: `PostgreSQL ${String(version?.server_version).split(' ')[0]}`,
    url: server.url,
    urlThrough: (port) => server.url.replace(`:${server.port}/`, `:${port}/`),
    server,
    query,
    reset: async () => {
      await query('drop schema public cascade');
      await query('create schema public');
    },
    dispose: () => server.dispose(),
  };
}
