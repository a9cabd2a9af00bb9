import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import type { ExecutionRow } from '../../src/store/execution-row.ts';
import { runCli } from '../support/cli.ts';
import { MYSQL_SERVERS } from '../support/mysql-server.ts';
import { hasPostgres, startPostgres } from '../support/postgres-server.ts';
import { createProgramFolder, type ProgramFolder, programPath, REGISTER } from '../support/program.ts';
import { changeFile, rowsIn } from '../support/sqlite-files.ts';

const NODE = ['--import', REGISTER];
/** What the package does when nobody says otherwise: the tests' own programs wait for their ledger. */
const AS_IT_COMES = { RUNLEDGER_DRAIN_ON_EXIT: '' };

jest.setTimeout(120_000);

let folder: ProgramFolder;
beforeEach(async () => {
  folder = await createProgramFolder();
});
afterEach(() => folder.remove());

const run = (ending: string) => folder.run('long-run.mjs', { node: NODE, env: AS_IT_COMES, args: [ending] });
const spool = () => join(folder.path, '.runledger', 'ledger.db.spool');
const left = () => (existsSync(spool()) ? readdirSync(spool()) : []);
const byName = (rows: readonly ExecutionRow[]) => Object.fromEntries(rows.map((row) => [row.name, row]));

describe('a process that dies in the middle of a run', () => {
  it.each([
    ['kill', { signal: 'SIGKILL' }],
    ['abort', { signal: 'SIGABRT' }],
    ['exit', { exitCode: 3, signal: null }],
    ['later', { exitCode: 3, signal: null }],
  ])('by %s leaves what had ended, and what was running as interrupted', async (ending, end) => {
    expect(await run(ending)).toMatchObject({ ...end, stdout: 'running\n' });
    const { stdout, stderr, exitCode } = await runCli(['show', 'last'], { cwd: folder.path });
    expect({ exitCode, stderr }).toEqual({
      exitCode: 0,
      stderr: '3 executions of a process that died were interrupted\n',
    });
    expect(stdout).toContain('Failed at nightly › load › insert');
    const { nightly, load, insert, download } = byName(folder.rows());
    expect(download).toMatchObject({ state: 'ended', outcome: 'success', tenant: 'acme' });
    expect(insert).toMatchObject({ state: 'ended', outcome: 'error', error_type: 'interrupted' });
    for (const row of [nightly, load]) {
      expect(row).toMatchObject({
        outcome: 'error',
        error_type: 'interrupted',
        failed_step: 'insert',
        failed_record_id: insert?.record_id,
      });
    }
    expect(left()).toEqual([]);
  });

  it('is found complete by verify, and its records are counted once however often they are recovered', async () => {
    await run('kill');
    await run('kill');
    const recovered = JSON.parse((await runCli(['recover', '--json'], { cwd: folder.path })).stdout);
    expect(recovered).toMatchObject({ left: 0, quarantined: 0, interrupted: 6 });
    const again = JSON.parse((await runCli(['recover', '--json'], { cwd: folder.path })).stdout);
    expect(again).toMatchObject({ recovered: 0, stored: 0, interrupted: 0 });
    const verified = await runCli(['verify', '--json'], { cwd: folder.path });
    expect(verified.exitCode).toBe(0);
    const { is_complete, instances } = JSON.parse(verified.stdout);
    expect(is_complete).toBe(true);
    expect(instances).toEqual(
      Array(2).fill(expect.objectContaining({ state: 'ended', last_seq: 1, stored: 1, missing: 0, lost: 0 })),
    );
  });

  it('is recovered by the next start of the program', async () => {
    await run('kill');
    const next = await folder.run('pipeline.mjs', { node: NODE });
    expect(next).toMatchObject({ exitCode: 0, stderr: '' });
    const { stdout } = await runCli(['verify', '--json'], { cwd: folder.path });
    expect(JSON.parse(stdout)).toMatchObject({ is_complete: true });
    expect(byName(folder.rows()).insert).toMatchObject({ outcome: 'error', error_type: 'interrupted' });
  });
});

describe('a process that ends by itself', () => {
  it.each([
    ['with everything stored', 'flushed.mjs', AS_IT_COMES],
    ['and waits for its records', 'flushed.mjs', {}],
    ['with records in the spool', 'pipeline.mjs', AS_IT_COMES],
  ])('%s is known to have ended', async (_, program, env) => {
    expect(await folder.run(program, { node: NODE, env })).toMatchObject({ exitCode: 0, stderr: '' });
    const verified = await runCli(['verify', '--all', '--json'], { cwd: folder.path });
    expect(verified).toMatchObject({ exitCode: 0, stderr: '' });
    const { is_complete, instances } = JSON.parse(verified.stdout);
    expect({ is_complete, instances }).toEqual({
      is_complete: true,
      instances: [expect.objectContaining({ state: 'ended', missing: 0, lost: 0 })],
    });
    expect(instances[0].stored).toBe(folder.rows().length);
    expect(left()).toEqual([]);
  });
});

describe('a run that goes on', () => {
  let stop: () => void = () => undefined;
  let ended: Promise<unknown> = Promise.resolve();
  afterEach(async () => {
    stop();
    await ended;
  });

  it('is shown as running, and as what it came to in the end', async () => {
    const child = spawn(process.execPath, [...NODE, programPath('long-run.mjs'), 'wait'], {
      cwd: folder.path,
      env: { ...process.env, RUNLEDGER_DRAIN_ON_EXIT: 'true' },
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    ended = once(child, 'exit');
    stop = () => child.kill('SIGKILL');
    await once(child.stdout, 'data');
    const ledger = join(folder.path, '.runledger', 'ledger.db');
    const states = () => Object.fromEntries(folder.rows().map((row) => [row.name, row.state]));
    const isShown = () => {
      try {
        return states().insert !== undefined;
      } catch {
        // It is being made.
        return false;
      }
    };
    while (!isShown()) await new Promise((resolve) => setTimeout(resolve, 50));
    expect(states()).toEqual({ nightly: 'running', load: 'running', insert: 'running', download: 'ended' });
    const living = JSON.parse((await runCli(['verify', '--json'], { cwd: folder.path })).stdout);
    expect(living).toMatchObject({ is_complete: true, instances: [{ state: 'living', pid: child.pid }] });
    // It is stopped, and nothing was heard of it for long: its lock says that it lives.
    child.kill('SIGSTOP');
    changeFile(
      ledger,
      'update ledger_instances set heartbeat_at = heartbeat_at - 600000, last_seq = last_seq + 1',
    );
    const stopped = JSON.parse((await runCli(['verify', '--json'], { cwd: folder.path })).stdout);
    expect(stopped).toMatchObject({ is_complete: true, instances: [{ state: 'living', missing: 1 }] });
    changeFile(ledger, 'update ledger_instances set last_seq = last_seq - 1');
    child.kill('SIGCONT');
    child.stdin.end('go on\n');
    await ended;
    expect(states()).toEqual({ nightly: 'ended', load: 'ended', insert: 'ended', download: 'ended' });
    expect(
      rowsIn(ledger, "select count(*) as failed from execution_records where outcome <> 'success'"),
    ).toEqual([{ failed: 0 }]);
  });
});

describe.each([
  { name: 'PostgreSQL', isInstalled: hasPostgres, start: () => startPostgres() },
  ...MYSQL_SERVERS,
])('a ledger in $name', ({ isInstalled, start }) => {
  (isInstalled ? it : it.skip)('has what a process that died had ended, and what was running', async () => {
    const server = await start();
    try {
      const env = { ...AS_IT_COMES, RUNLEDGER_STORE: server.url };
      await folder.run('long-run.mjs', { node: NODE, env, args: ['kill'] });
      const cli = async (...args: string[]) =>
        JSON.parse((await runCli([...args, '--json'], { cwd: folder.path, env })).stdout);
      expect(await cli('recover')).toMatchObject({ left: 0, quarantined: 0, interrupted: 3 });
      const [run] = (await cli('runs')).runs;
      expect(run).toMatchObject({ outcome: 'error', error_type: 'interrupted', failed_step: 'insert' });
      expect(await cli('verify')).toMatchObject({
        is_complete: true,
        instances: [{ state: 'ended', last_seq: 1, stored: 1, missing: 0 }],
      });
    } finally {
      await server.dispose();
    }
  });
});
