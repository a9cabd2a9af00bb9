import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { runCli } from '../support/cli.ts';
import { createLedgerFile, type LedgerFile } from '../support/ledger-file.ts';
import { FAILED_RUN_ID, failedRun, GOOD_RUN_ID, goodRun } from '../support/sample-runs.ts';

describe('runledger runs', () => {
  let ledger: LedgerFile;
  const run = (...args: string[]) => runCli(['runs', '--ledger', ledger.path, ...args]);
  const idsOf = (stdout: string) => JSON.parse(stdout).runs.map((row: { run_id: string }) => row.run_id);

  beforeAll(async () => {
    ledger = await createLedgerFile([...failedRun(), ...goodRun()]);
  });
  afterAll(() => ledger.remove());

  it('lists runs newest first, with outcome, duration, attempt, failing step and error', async () => {
    const { stdout, stderr, exitCode } = await run();

    expect(stdout.split('\n').map((line) => line.split(/ {2,}/))).toEqual([
      ['STARTED', 'PIPELINE', 'RUN', 'OUTCOME', 'DURATION', 'ATTEMPT', 'FAILING STEP / REASON'],
      ['2026-11-20 03:01:00', 'hourly-prices', '0193469f-1660', 'success', '1 min 15 s', '1'],
      [
        ...['2026-11-20 03:00:00', 'nightly-orders', '0193469e-2c00', 'failure', '2.00 s', '2'],
        'insert: DataError: row 7: amount "abc" is not a number',
      ],
      [''],
    ]);
    expect({ stderr, exitCode }).toEqual({ stderr: '', exitCode: 0 });
  });

  it('prints one JSON document with every column', async () => {
    const { stdout } = await run('--json');
    const document = JSON.parse(stdout);

    expect(document).toMatchObject({ schema_version: 1, ledger: ledger.path });
    expect(document.runs).toHaveLength(2);
    expect(document.runs[1]).toMatchObject({
      ...{ run_id: FAILED_RUN_ID, name: 'nightly-orders', outcome: 'failure', failed_step: 'insert' },
      ...{ started_at: new Date(2026, 10, 20, 3).getTime(), duration_ms: 2_000, attempt: 2 },
      error_chain: [{ type: 'DataError', code: 'BAD_AMOUNT' }, { type: 'SyntaxError' }],
    });
  });

  it.each([
    [['--failed'], [FAILED_RUN_ID]],
    [['--name', 'hourly-*'], [GOOD_RUN_ID]],
    [['--name', 'nightly-orders'], [FAILED_RUN_ID]],
    [['--tenant', 'acme'], [FAILED_RUN_ID]],
    [['--correlation', 'orders-2026-11-20'], [FAILED_RUN_ID]],
    [['--since', '2026-11-20T03:00:30'], [GOOD_RUN_ID]],
    [
      ['--since', '2026-11-20'],
      [GOOD_RUN_ID, FAILED_RUN_ID],
    ],
    [['--limit', '1'], [GOOD_RUN_ID]],
  ])('narrows the list by %j', async (args, expected) => {
    const { stdout } = await run('--json', ...args);

    expect(idsOf(stdout)).toEqual(expected);
  });

  it('takes what is given for a name for a name and nothing else', async () => {
    const attempts = [
      ['--name', "'; drop table execution_records; --"],
      ['--tenant', "x' or 1=1 --"],
      ['--correlation', "%' union select * from execution_records --"],
    ];
    for (const { stdout, exitCode } of await Promise.all(attempts.map((args) => run('--json', ...args)))) {
      expect({ exitCode, ids: idsOf(stdout) }).toEqual({ exitCode: 0, ids: [] });
    }
    expect(idsOf((await run('--json')).stdout)).toHaveLength(2);
  });

  it('succeeds when nothing matches, and says so beside the output', async () => {
    expect(await run('--name', 'no-such-*')).toEqual({ exitCode: 0, stdout: '', stderr: 'no runs match\n' });
    expect(JSON.parse((await run('--name', 'no-such-*', '--json')).stdout).runs).toEqual([]);
  });

  it('fits its lines to a narrow terminal', async () => {
    const { stdout } = await runCli(['runs', '--ledger', ledger.path], { env: { COLUMNS: '80' } });

    const lines = stdout.trimEnd().split('\n');
    for (const line of lines) expect(line.length).toBeLessThanOrEqual(80);
    expect(lines[2]).toMatch(/^2026-11-20 03:00:00 {2}nightly.* {2}0193469e-2c00 {2}failure /);
    expect(lines[3]).toBe('    insert: DataError: row 7: amount "abc" is not a number');
    expect(lines).toHaveLength(4);
  });

  it('colours its output only where colours are wanted', async () => {
    const plain = await run('--failed');
    const coloured = await runCli(['runs', '--ledger', ledger.path, '--failed'], {
      env: { FORCE_COLOR: '1', NO_COLOR: '' },
    });

    expect(plain.stdout).not.toContain('\u001b');
    expect(coloured.stdout).toContain('\u001b[31mfailure');
  });

  it('takes the ledger from the environment', async () => {
    const bySetting = await runCli(['runs', '--json'], { env: { RUNLEDGER_STORE: `sqlite:${ledger.path}` } });
    const byFolder = await runCli(['runs', '--json'], { env: { RUNLEDGER_DIR: ledger.directory } });

    expect(idsOf(bySetting.stdout)).toHaveLength(2);
    expect(idsOf(byFolder.stdout)).toHaveLength(2);
  });
});
