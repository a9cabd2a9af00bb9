import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { runCli } from '../support/cli.ts';
import { runRecord, stepRecord } from '../support/execution-records.ts';
import { createLedgerFile, type LedgerFile } from '../support/ledger-file.ts';
import { FAILED_RUN_ID, failedRun, goodRun } from '../support/sample-runs.ts';

const DAY_MS = 86_400_000;
const OBEYED =
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what must not be there
  /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/;

describe('the command line', () => {
  let ledger: LedgerFile;
  const cli = (...args: string[]) => runCli([...args, '--ledger', ledger.path]);

  beforeAll(async () => {
    ledger = await createLedgerFile([...failedRun(), ...goodRun()]);
  });
  afterAll(() => ledger.remove());

  it('prints its version and, on request, help with examples', async () => {
    const manifest = JSON.parse(await readFile(new URL('../../package.json', import.meta.url), 'utf8'));

    expect(await runCli(['--version'])).toEqual({ exitCode: 0, stdout: `${manifest.version}\n`, stderr: '' });
    const help = await runCli(['--help']);
    expect(help).toMatchObject({ exitCode: 0, stderr: '' });
    expect(help.stdout).toContain('runledger runs --failed --since 24h');
    expect((await runCli(['runs', '--help'])).stdout).toContain('--ledger <ledger>');
  });

  it.each([
    [['runs', '--limit', 'many'], 'Expected a whole number above zero'],
    [['runs', '--since', 'yesterday'], 'Expected a length of time (90s, 1h, 7d) or an ISO date or time'],
    [['prune', '--max-age', '7'], 'Expected a length of time with its unit'],
    [['prune', '--max-bytes', 'big'], 'Expected a size'],
    [['show'], "missing required argument 'run'"],
    [['nonsense'], "unknown command 'nonsense'"],
    [['runs', '--fialed'], 'Did you mean --failed?'],
  ])('ends with 2 and says what was expected for %j', async (args, message) => {
    const { exitCode, stdout, stderr } = await runCli(args);

    expect({ exitCode, stdout }).toEqual({ exitCode: 2, stdout: '' });
    expect(stderr).toContain(message);
  });

  it('ends with 1 and names the fix where there is no ledger, or something else in its place', async () => {
    const missing = await runCli(['runs', '--ledger', join(ledger.directory, 'none.db')]);
    const folder = await runCli(['runs', '--ledger', ledger.directory]);
    const text = join(ledger.directory, 'notes.txt');
    await writeFile(text, 'not a database, and long enough to be looked at as one'.repeat(20));
    const foreign = await runCli(['runs', '--ledger', text]);
    const remote = await runCli(['runs'], {
      env: { RUNLEDGER_STORE: 'postgres://me:secret@127.0.0.1:1/ledger' },
    });

    for (const { exitCode, stdout } of [missing, folder, foreign, remote]) {
      expect({ exitCode, stdout }).toEqual({ exitCode: 1, stdout: '' });
    }
    expect(missing.stderr).toContain('name the file with --ledger PATH');
    expect(folder.stderr).toContain('is not a file');
    expect(foreign.stderr).toContain('notes.txt');
    expect(remote.stderr).toContain('postgres://127.0.0.1:1/ledger can not be reached (ECONNREFUSED)');
    expect(remote.stderr).not.toContain('secret');
  });

  it('groups failures by cause', async () => {
    const { stdout } = await cli('failures', '--json');
    const document = JSON.parse(stdout);

    expect(document.schema_version).toBe(1);
    expect(document.failures).toContainEqual(
      expect.objectContaining({
        ...{ error_type: 'DataError', failed_step: 'insert', pipeline: 'nightly-orders', count: 1 },
        last_run_id: FAILED_RUN_ID,
      }),
    );
    expect((await cli('failures')).stdout).toMatch(
      /^ +1 {2}2026-11-20 .*nightly-orders › insert +0193469e-2c00 {2}DataError: row 7: amount "abc" is not a number$/m,
    );
    expect(await cli('failures', '--since', '2999-01-01')).toMatchObject({ exitCode: 0, stdout: '' });
  });

  it('runs a query, from the argument or from standard input', async () => {
    const query = 'select step, status, rows_out from step_runs order by started_at limit 3';
    const table = await cli('sql', query);
    const piped = await runCli(['sql', '-', '--json', '--ledger', ledger.path], { input: query });

    expect(table.stdout).toBe(
      [
        'step      status   rows_out',
        'download  failed       NULL',
        'download  success      1234',
        'insert    failed       NULL',
        '',
      ].join('\n'),
    );
    expect(JSON.parse(piped.stdout)).toMatchObject({
      columns: ['step', 'status', 'rows_out'],
      rows: [
        ['download', 'failed', null],
        ['download', 'success', 1234],
        ['insert', 'failed', null],
      ],
    });
  });

  it('prints as many rows as there are', async () => {
    const { stdout, stderr } = await cli(
      'sql',
      'with recursive n(i) as (select 1 union all select i + 1 from n where i < 5000) select i, -i as minus from n',
    );

    const lines = stdout.trimEnd().split('\n');
    expect(lines).toHaveLength(5_001);
    expect([lines[0], lines[1], lines[5_000]]).toEqual(['   i  minus', '   1     -1', '5000  -5000']);
    expect(stderr).toBe('5000 rows\n');
  });

  it.each([
    'delete from execution_records',
    'drop table execution_records',
    'with x as (select 1) delete from execution_records',
    "attach 'other.db' as other",
    'select 1; delete from execution_records',
    'select nonsense from execution_records',
  ])('refuses %s', async (query) => {
    const { exitCode, stdout, stderr } = await cli('sql', query);

    expect({ exitCode, stdout }).toEqual({ exitCode: 1, stdout: '' });
    expect(stderr).toMatch(/^runledger: .+\n$/);
    expect(
      JSON.parse((await cli('sql', 'select count(*) from execution_records', '--json')).stdout).rows,
    ).toEqual([[9]]);
  });

  it('prints nothing from a record that a terminal would obey', async () => {
    const hostile = 'a\u001b[2Jb\u202ec\nd\r\u0007e\u2066f\u009bg';
    const run = runRecord({
      ...{ name: hostile, pipeline: hostile, runId: 'hostile-run-00001', correlationId: hostile },
      ...{
        outcome: 'failure',
        error: hostile,
        errorType: hostile,
        errorMessage: hostile,
        failedStep: hostile,
      },
      ...{ errorStack: `${hostile}\n    at ${hostile}`, errorFingerprint: 'ff00' },
    });
    const own = await createLedgerFile([run]);
    const outputs = await Promise.all(
      [
        ['runs'],
        ['show', 'last'],
        ['failures'],
        ['sql', 'select * from pipeline_runs'],
        ['show', hostile],
      ].flatMap((args) => [
        runCli([...args, '--ledger', own.path]),
        runCli([...args, '--ledger', own.path, '--json']),
      ]),
    );
    await own.remove();

    for (const { stdout, stderr } of outputs) {
      expect(stdout + stderr).not.toMatch(OBEYED);
    }
    expect(outputs[0]?.stdout).toContain('a\\e[2Jb\\u202ec\\nd\\r\\u0007e\\u2066f\\u009bg');
    expect(JSON.parse(outputs[1]?.stdout ?? '').runs[0].name).toBe(hostile);
  });

  it('removes what is too old, says what it gave back, and keeps failed runs for longer', async () => {
    const start = Date.now() - 10 * DAY_MS;
    const aged = (id: string, outcome: 'success' | 'failure') => {
      const run = runRecord({ runId: id, startedAt: start, outcome });
      const below = { runId: id, parentRecordId: run.recordId };
      return [
        run,
        ...Array.from({ length: 500 }, (_, index) => stepRecord({ ...below, startedAt: start + index })),
      ];
    };
    const own = await createLedgerFile([
      ...aged('old-good-run-0001', 'success'),
      ...aged('old-failed-run-01', 'failure'),
      runRecord({ runId: 'new-run-000000001', startedAt: Date.now() }),
    ]);
    const preview = await runCli(['prune', '--dry-run', '--json', '--ledger', own.path]);
    const before = await runCli([
      'sql',
      'select count(*) from execution_records',
      '--json',
      '--ledger',
      own.path,
    ]);
    const pruned = await runCli(['prune', '--json', '--ledger', own.path]);
    const again = await runCli(['prune', '--ledger', own.path]);
    const left = await runCli(['runs', '--json', '--ledger', own.path]);
    await own.remove();

    expect(JSON.parse(preview.stdout)).toMatchObject({ dry_run: true, removed_by_age: 501 });
    expect(JSON.parse(before.stdout).rows).toEqual([[1003]]);
    const report = JSON.parse(pruned.stdout);
    expect(report).toMatchObject({
      schema_version: 1,
      dry_run: false,
      removed_by_age: 501,
      removed_by_size: 0,
    });
    expect(report.bytes_after).toBeLessThan(report.bytes_before);
    expect(again.stdout).toMatch(/^removed 0 records by age and 0 by size; .* given back, .* left\n$/);
    expect(JSON.parse(left.stdout).runs.map((row: { run_id: string }) => row.run_id)).toEqual([
      'new-run-000000001',
      'old-failed-run-01',
    ]);
  });

  it('reads a ledger that another process is writing', async () => {
    const writer = spawn(process.execPath, [
      fileURLToPath(new URL('../support/busy-writer.ts', import.meta.url)),
      ledger.path,
    ]);
    await once(writer.stdout, 'data');
    const results = await Promise.all([
      cli('runs', '--json', '--name', 'busy'),
      cli('failures', '--json'),
      cli('sql', "select count(*) from execution_records where name = 'busy'", '--json'),
    ]);
    const isStillWriting = writer.exitCode === null;
    writer.kill('SIGKILL');
    await once(writer, 'close');

    expect(isStillWriting).toBe(true);
    expect(results.map(({ exitCode, stderr }) => ({ exitCode, stderr }))).toEqual(
      Array(3).fill({ exitCode: 0, stderr: '' }),
    );
    expect(JSON.parse(results[0].stdout).runs.length).toBeGreaterThan(0);
  });

  it('ends quietly when nobody reads its output any more', async () => {
    const own = await createLedgerFile(
      Array.from({ length: 3_000 }, (_, index) => runRecord({ runId: `many-runs-${index}` })),
    );
    const main = fileURLToPath(new URL('../../src/cli/main.ts', import.meta.url));
    const child = spawn('/bin/sh', [
      '-c',
      '"$0" "$1" runs --limit 3000 --json --ledger "$2" | head -n 3; echo "$?"',
      ...[process.execPath, main, own.path],
    ]);
    let output = '';
    child.stdout.on('data', (data) => {
      output += data;
    });
    let complaints = '';
    child.stderr.on('data', (data) => {
      complaints += data;
    });
    await once(child, 'close');
    await own.remove();

    expect(output).toMatch(/^\{\n {2}"schema_version": 1,\n.*\n0\n$/);
    expect(complaints).toBe('');
  });
});
