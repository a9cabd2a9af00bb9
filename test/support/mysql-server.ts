import { execFile, spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { createConnection } from 'mysql2/promise';
import { freePort } from './free-port.ts';
import { findServer, serverFolder, startServer, type TestServer } from './server-process.ts';

const run = promisify(execFile);
const PLACES = ['/usr/sbin', '/usr/bin', '/usr/libexec'];

/** One of the servers that speak MySQL's protocol. */
export interface MysqlServer {
  readonly name: string;
  /** Whether it can be started here. */
  readonly isInstalled: boolean;
  /** Starts one with the user and database `ledger`, password `ledger`. */
  start(settings?: Readonly<Record<string, string>>): Promise<TestServer>;
}

const MARIADBD = findServer('mariadbd', PLACES);
const INSTALL = findServer('mariadb-install-db', PLACES);
const AS_USER = process.getuid?.() === 0 ? ['--user=root'] : [];

/** Debian: `apt install mariadb-server`. */
export const mariadb: MysqlServer = {
  name: 'MariaDB',
  isInstalled: MARIADBD !== undefined && INSTALL !== undefined,
  async start(settings) {
    if (MARIADBD === undefined || INSTALL === undefined)
      throw new Error('MariaDB is not installed: apt install mariadb-server');
    const installer = INSTALL;
    const init = ['--auth-root-authentication-method=normal', '--skip-test-db', ...AS_USER];
    return await startIn(await serverFolder('mariadb'), MARIADBD, settings, (data) =>
      run(installer, ['--no-defaults', `--datadir=${data}`, ...init]),
    );
  },
};

const MYSQLD = process.env.MYSQLD ?? findServer('mysqld', PLACES);

/** `mysqld` of MySQL itself; the environment variable `MYSQLD` says where, if it is not the first that is found. */
export const mysql: MysqlServer = {
  name: 'MySQL',
  isInstalled: MYSQLD !== undefined && isMysql(MYSQLD),
  async start(settings) {
    if (MYSQLD === undefined || !isMysql(MYSQLD))
      throw new Error('MySQL is not installed: MYSQLD has to be the path of its mysqld');
    const binary = MYSQLD;
    const own = { mysqlx: 'OFF', 'secure-file-priv': '', 'skip-log-bin': '1', ...settings };
    return await startIn(await serverFolder('mysql'), binary, own, (data) =>
      run(binary, ['--no-defaults', '--initialize-insecure', `--datadir=${data}`, ...AS_USER]),
    );
  },
};

/** What is started for a test that has to hold on each. */
export const MYSQL_SERVERS: readonly MysqlServer[] = [mariadb, mysql];

async function startIn(
  folder: string,
  binary: string,
  settings: Readonly<Record<string, string>> | undefined,
  initialise: (data: string) => Promise<unknown>,
): Promise<TestServer> {
  const port = await freePort();
  const data = join(folder, 'data');
  const socketPath = join(folder, 'socket');
  await initialise(data);
  const all = { 'innodb-flush-log-at-trx-commit': '2', 'innodb-buffer-pool-size': '64M', ...settings };
  const options = Object.entries(all).map(([name, value]) => `--${name}=${value}`);
  const askRoot = async (sql: string): Promise<void> => {
    const connection = await createConnection({ socketPath, user: 'root', multipleStatements: true });
    await connection.query(sql).finally(() => connection.destroy());
  };
  const server = await startServer({
    binary,
    args: [
      '--no-defaults',
      `--datadir=${data}`,
      `--socket=${socketPath}`,
      `--port=${port}`,
      '--bind-address=127.0.0.1',
      '--skip-name-resolve',
      ...AS_USER,
      ...options,
    ],
    port,
    url: `mysql://ledger:ledger@127.0.0.1:${port}/ledger`,
    folder,
    probe: () => askRoot('select 1'),
  });
  await askRoot(`create database ledger character set utf8mb4;
    create user ledger@'127.0.0.1' identified by 'ledger';
    grant all on \`ledger%\`.* to ledger@'127.0.0.1'`);
  return server;
}

/** MariaDB has a `mysqld` too. */
function isMysql(binary: string): boolean {
  const { stdout, status } = spawnSync(binary, ['--version'], { encoding: 'utf8' });
  return status === 0 && !stdout.includes('MariaDB');
}
