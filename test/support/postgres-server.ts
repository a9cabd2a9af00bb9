import { execFile } from 'node:child_process';
import { realpathSync } from 'node:fs';
import { chown, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { freePort } from './free-port.ts';
import { findServer, serverFolder, startServer, type TestServer } from './server-process.ts';

const run = promisify(execFile);
const INITDB = findServer('initdb', ['/usr/lib/postgresql/*/bin']);

/** Whether a PostgreSQL can be started here (Debian: `apt install postgresql`). */
export const hasPostgres = INITDB !== undefined;

/** A PostgreSQL of a test's own, and the programs that come with it. */
export interface PostgresServer extends TestServer {
  /** Its data folder. */
  readonly data: string;
  /** Runs a program of PostgreSQL's as the user that the server runs as. Resolves to what it prints. */
  run(program: string, ...args: readonly string[]): Promise<string>;
}

/** A PostgreSQL with the user and database `ledger`, password `ledger`, and trust in nobody else. */
export async function startPostgres(
  settings: Readonly<Record<string, string>> = {},
): Promise<PostgresServer> {
  const init = ['-U', 'ledger', '-E', 'UTF8', '--locale=C', '-A', 'trust', '--no-sync'];
  const server = await startInstance(settings, (run, data) => run('initdb', '-D', data, ...init));
  const psql = ['-h', '127.0.0.1', '-p', String(server.port), '-U', 'ledger', '-d', 'postgres', '-c'];
  await server.run('psql', ...psql, 'create database ledger');
  return server;
}

/** A standby that follows `primary` by streaming, under the name `standby`, and may be read. */
export async function startStandby(
  primary: TestServer,
  settings: Readonly<Record<string, string>> = {},
): Promise<PostgresServer> {
  return startInstance(settings, (run, data) => copyAsStandby(run, data, primary));
}

/** Makes a server that has ended a standby of `primary`: as it is, or as a new copy where what it has may differ. */
export async function becomeStandby(
  server: PostgresServer,
  primary: TestServer,
  how: 'as it is' | 'as a copy',
): Promise<void> {
  const { data } = server;
  if (how === 'as it is') {
    await followPrimary(data, primary);
  } else {
    await rm(data, { recursive: true });
    await copyAsStandby(server.run, data, primary);
  }
  await server.start();
}

type Run = PostgresServer['run'];

async function startInstance(
  settings: Readonly<Record<string, string>>,
  makeData: (run: Run, data: string) => Promise<unknown>,
): Promise<PostgresServer> {
  if (INITDB === undefined) throw new Error('PostgreSQL is not installed: apt install postgresql');
  const bin = dirname(realpathSync(INITDB));
  const port = await freePort();
  const folder = await serverFolder('postgres');
  const user = await serviceUser();
  if (user !== undefined) await chown(folder, user.uid, user.gid);
  const runProgram: Run = async (program, ...args) =>
    (await run(join(bin, program), [...args], { cwd: folder, ...user })).stdout;
  const data = join(folder, 'data');
  await makeData(runProgram, data);
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
      await runProgram('pg_isready', '-h', '127.0.0.1', '-p', String(port));
    },
  });
  return Object.assign(server, { data, run: runProgram });
}

async function copyAsStandby(runProgram: Run, data: string, { port }: TestServer): Promise<void> {
  const from = ['-h', '127.0.0.1', '-p', String(port), '-U', 'ledger'];
  await runProgram('pg_basebackup', ...from, '-D', data, '-X', 'stream', '-c', 'fast', '--no-sync');
  await followPrimary(data, { port });
}

/** In place of all that was set by `alter system`: that was for a primary. */
async function followPrimary(data: string, { port }: Pick<TestServer, 'port'>): Promise<void> {
  const primary = `host=127.0.0.1 port=${port} user=ledger application_name=standby`;
  // Both are read by whom the folder belongs to; only what is made anew has to be given to it.
  await writeFile(join(data, 'postgresql.auto.conf'), `primary_conninfo = '${primary}'\n`);
  await writeFile(join(data, 'standby.signal'), '');
  const { uid, gid } = await stat(data);
  await chown(join(data, 'standby.signal'), uid, gid);
}

/**
 * PostgreSQL and what is around it refuse to run as root: the user its package made, else the one that owns nothing.
 * Undefined where this process is not root's.
 */
export async function serviceUser(): Promise<{ readonly uid: number; readonly gid: number } | undefined> {
  if (process.getuid?.() !== 0) return undefined;
  const passwd = await readFile('/etc/passwd', 'utf8');
  const [, uid, gid] = /^postgres:[^:]*:(\d+):(\d+):/m.exec(passwd) ?? [];
  return { uid: Number(uid ?? 65_534), gid: Number(gid ?? 65_534) };
}
