import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { freePort } from './free-port.ts';
import { findServer, serverFolder, startServer, type TestServer } from './server-process.ts';

const run = promisify(execFile);
const PLACES = ['/usr/sbin', '/usr/bin', '/usr/libexec'];
const SERVER = findServer('mariadbd', PLACES);
const INSTALL = findServer('mariadb-install-db', PLACES);
const CLIENT = findServer('mariadb', PLACES);

/** Whether a MariaDB can be started here (Debian: `apt install mariadb-server`). */
export const hasMariadb = SERVER !== undefined && INSTALL !== undefined && CLIENT !== undefined;

/** A MariaDB with the user and database `ledger`, password `ledger`. */
export async function startMariadb(settings: Readonly<Record<string, string>> = {}): Promise<TestServer> {
  if (SERVER === undefined || INSTALL === undefined || CLIENT === undefined) {
    throw new Error('MariaDB is not installed: apt install mariadb-server');
  }
  const client = CLIENT;
  const port = await freePort();
  const folder = await serverFolder('mariadb');
  const data = join(folder, 'data');
  const socket = join(folder, 'socket');
  const asUser = process.getuid?.() === 0 ? ['--user=root'] : [];
  const install = ['--no-defaults', `--datadir=${data}`, '--auth-root-authentication-method=normal'];
  await run(INSTALL, [...install, '--skip-test-db', ...asUser]);
  const all = { 'innodb-flush-log-at-trx-commit': '2', 'innodb-buffer-pool-size': '64M', ...settings };
  const options = Object.entries(all).map(([name, value]) => `--${name}=${value}`);
  const server = await startServer({
    binary: SERVER,
    args: [
      '--no-defaults',
      `--datadir=${data}`,
      `--socket=${socket}`,
      `--port=${port}`,
      '--bind-address=127.0.0.1',
      '--skip-name-resolve',
      ...asUser,
      ...options,
    ],
    port,
    url: `mysql://ledger:ledger@127.0.0.1:${port}/ledger`,
    folder,
    probe: async () => {
      await run(client, ['--no-defaults', `--socket=${socket}`, '-u', 'root', '-e', 'select 1']);
    },
  });
  const setUp = `create database ledger character set utf8mb4;
    create user ledger@'127.0.0.1' identified by 'ledger';
    grant all on \`ledger%\`.* to ledger@'127.0.0.1';`;
  await run(client, ['--no-defaults', `--socket=${socket}`, '-u', 'root', '-e', setUp]);
  return server;
}
