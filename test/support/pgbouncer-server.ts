import { chown, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { freePort } from './free-port.ts';
import { serviceUser } from './postgres-server.ts';
import { findServer, serverFolder, startServer, type TestServer } from './server-process.ts';

const BINARY = findServer('pgbouncer', ['/usr/sbin']);

/** Whether a PgBouncer can be started here (Debian: `apt install pgbouncer`). */
export const hasPgbouncer = BINARY !== undefined;

/** What a client keeps a connection of the server for. */
export type PoolMode = 'session' | 'transaction' | 'statement';

/**
 * A PgBouncer in front of all databases of a PostgreSQL. Its connections to the server take turns, so that in transaction
 * mode no transaction gets the one of the transaction before.
 */
export async function startPgbouncer(postgres: TestServer, mode: PoolMode): Promise<TestServer> {
  if (BINARY === undefined) throw new Error('PgBouncer is not installed: apt install pgbouncer');
  const port = await freePort();
  const folder = await serverFolder('pgbouncer');
  const file = join(folder, 'pgbouncer.ini');
  const settings = {
    listen_addr: '127.0.0.1',
    listen_port: port,
    unix_socket_dir: '',
    auth_type: 'any',
    pool_mode: mode,
    min_pool_size: 3,
    server_round_robin: 1,
    server_login_retry: 0.1,
  };
  const lines = Object.entries(settings).map(([name, value]) => `${name} = ${value}`);
  const databases = `* = host=127.0.0.1 port=${postgres.port} user=ledger password=ledger`;
  await writeFile(file, `[databases]\n${databases}\n[pgbouncer]\n${lines.join('\n')}\n`);
  const user = await serviceUser();
  for (const path of user === undefined ? [] : [folder, file]) {
    await chown(path, user?.uid ?? 0, user?.gid ?? 0);
  }
  return startServer({
    binary: BINARY,
    args: ['-q', file],
    port,
    url: postgres.url.replace(`:${postgres.port}/`, `:${port}/`),
    folder,
    ...(user !== undefined && { user }),
  });
}
