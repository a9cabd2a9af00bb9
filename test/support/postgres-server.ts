import { execFile } from 'node:child_process';
import { realpathSync } from 'node:fs';
import { chown, readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { freePort } from './free-port.ts';
import { findServer, serverFolder, startServer, type TestServer } from './server-process.ts';

const run = promisify(execFile);
const INITDB = findServer('initdb', ['/usr/lib/postgresql/*/bin']);

/** Whether a PostgreSQL can be started here (Debian: `apt install postgresql`). */
export const hasPostgres = INITDB !== undefined;

/** A PostgreSQL with the user and database `ledger`, password `ledger`, and trust in nobody else. */
export async function startPostgres(settings: Readonly<Record<string, string>> = {}): Promise<TestServer> {
  if (INITDB === undefined) throw new Error('PostgreSQL is not installed: apt install postgresql');
  const bin = dirname(realpathSync(INITDB));
  const port = await freePort();
  const folder = await serverFolder('postgres');
  const user = process.getuid?.() === 0 ? await serviceUser() : undefined;
  if (user !== undefined) await chown(folder, user.uid, user.gid);
  const data = join(folder, 'data');
  await run(
    INITDB,
    ['-D', data, '-U', 'ledger', '-E', 'UTF8', '--locale=C', '-A', 'trust', '--no-sync'],
    user,
  );
  const all = { listen_addresses: '127.0.0.1', unix_socket_directories: folder, fsync: 'off', ...settings };
  const options = Object.entries(all).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
  const server = await startServer({
    binary: join(bin, 'postgres'),
    args: ['-D', data, '-p', String(port), ...options],
    port,
    url: `postgres://ledger:ledger@127.0.0.1:${port}/ledger`,
    folder,
    ...(user !== undefined && { user }),
    probe: async () => {
      await run(join(bin, 'pg_isready'), ['-h', '127.0.0.1', '-p', String(port)]);
    },
  });
  const psql = ['-h', '127.0.0.1', '-p', String(port), '-U', 'ledger', '-d', 'postgres', '-c'];
  await run(join(bin, 'psql'), [...psql, 'create database ledger']);
  return server;
}

/** PostgreSQL refuses to run as root: the user its package made, else the one that owns nothing. */
async function serviceUser(): Promise<{ readonly uid: number; readonly gid: number }> {
  const passwd = await readFile('/etc/passwd', 'utf8');
  const [, uid, gid] = /^postgres:[^:]*:(\d+):(\d+):/m.exec(passwd) ?? [];
  return { uid: Number(uid ?? 65_534), gid: Number(gid ?? 65_534) };
}
