import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { runCli } from '../support/cli.ts';
import { runRecord, stepRecord } from '../support/execution-records.ts';
import { createLedgerFile, type LedgerFile } from '../support/ledger-file.ts';
import { FAILED_RUN_ID, failedRun, GOOD_RUN_ID, goodRun } from '../support/sample-runs.ts';

describe('runledger show', () => {
  let ledger: LedgerFile;
  const show = (...args: string[]) => runCli(['show', '--ledger', ledger.path, ...args]);

  beforeAll(async () => {
    ledger = await createLedgerFile([...failedRun(), ...goodRun()]);
  });
  afterAll(() => ledger.remove());

  it('draws the tree of a run, marks the step that failed and tells why', async () => {
    const { stdout, exitCode } = await show(FAILED_RUN_ID);

    expect(exitCode).toBe(0);
    expect(stdout).toBe(`nightly-orders 3.1  failure in 2.00 s
run          ${FAILED_RUN_ID}
started      2026-11-20 03:00:00, ended 2026-11-20 03:00:02
waited       1.50 s to be started
attempt      2, the last
correlation  orders-2026-11-20
tenant       acme
trace        4bf92f3577b34da6a3ce929d0e0e4736
by           orders 1.2.3, pid 4242 on host-1

nightly-orders #2 (pipeline)   2.00 s  failure  ████████████████████████████████
├─ extract (process)           800 ms  success  █████████████
│ ├─ download                  100 ms  failure  ██                                recovered
│ └─ download #2               500 ms  success     ████████                       1,234 rows out
├─ load (process)              1.00 s  failure                ████████████████
│ └─ insert                    400 ms  failure                  ██████            ◀ failed here, 1,234 rows in
└─ notify                     1.00 ms  skip                                    ▏

Failed at nightly-orders #2 › load › insert
  DataError: row 7: amount "abc" is not a number (code BAD_AMOUNT)
  caused by SyntaxError: Unexpected token
    at load (/app/load.js:10:5)

Recovered failures
  download: Error: connection reset

Skipped and rejected
  notify: nothing was loaded
`);
  });

  it('finds a run by the start of its id, by a record in it, and the newest as "last"', async () => {
    const [, extract] = failedRun();
    const runIdOf = async (id: string) => JSON.parse((await show(id, '--json')).stdout).run_id;

    expect(await runIdOf('0193469e')).toBe(FAILED_RUN_ID);
    expect(await runIdOf('last')).toBe(GOOD_RUN_ID);
    const { stdout } = await show(FAILED_RUN_ID, '--json');
    const recordId = JSON.parse(stdout).records.find(
      (row: { name: string }) => row.name === extract?.name,
    ).record_id;
    expect(await runIdOf(recordId)).toBe(FAILED_RUN_ID);
  });

  it('prints the records in order of start as one JSON document', async () => {
    const document = JSON.parse((await show(FAILED_RUN_ID, '--json')).stdout);

    expect(document).toMatchObject({ schema_version: 1, ledger: ledger.path, run_id: FAILED_RUN_ID });
    expect(document.records.map((row: { name: string }) => row.name)).toEqual([
      'nightly-orders',
      'extract',
      'download',
      'download',
      'load',
      'insert',
      'notify',
    ]);
    expect(document.records[1].source).toEqual(['shop.orders']);
  });

  it('reads no more of a long run than asked for, failures first, and says so', async () => {
    const { stdout, stderr, exitCode } = await show(FAILED_RUN_ID, '--limit', '2', '--json');
    const { total, records } = JSON.parse(stdout) as { total: number; records: { name: string }[] };

    expect(exitCode).toBe(0);
    expect(total).toBe(failedRun().length);
    expect(records.length).toBeLessThan(total);
    expect(records.map(({ name }) => name)).toEqual(
      expect.arrayContaining(['nightly-orders', 'load', 'insert']),
    );
    expect(stderr).toBe('');
    const text = await show(FAILED_RUN_ID, '--limit', '2');
    expect(text.stdout).toContain('◀ failed here');
    expect(text.stderr).toContain(`of the ${total} records of this run; --limit shows more`);
  });

  it('says what to do where the id fits no run, or several', async () => {
    expect(await show('ffff')).toEqual({
      exitCode: 1,
      stdout: '',
      stderr: `runledger: no run ffff in ${ledger.path}. "runledger runs" lists those there are.\n`,
    });
    const ambiguous = await show('0193469');
    expect(ambiguous.exitCode).toBe(1);
    expect(ambiguous.stderr).toContain(FAILED_RUN_ID);
    expect(ambiguous.stderr).toContain(GOOD_RUN_ID);
  });

  it('gives up the bar, then names, before the outcome on a narrow terminal', async () => {
    const { stdout } = await runCli(['show', '--ledger', ledger.path, FAILED_RUN_ID], {
      env: { COLUMNS: '56' },
    });

    const tree = stdout.split('\n\n')[1]?.split('\n') ?? [];
    expect(tree).toHaveLength(7);
    for (const line of tree) expect(line.length).toBeLessThanOrEqual(56);
    expect(tree[5]).toMatch(/insert .*failure {2}◀ failed here/);
  });

  it('shows what waits and what is under way', async () => {
    const run = runRecord({
      runId: 'waiting-run-00000001',
      state: 'suspended',
      interruptCount: 1,
      checkpointCount: 1,
      timelineTotal: 2,
    });
    const at = run.startedAt;
    const timeline = JSON.stringify([
      { at: at + 1_000, kind: 'checkpoint', ref: 'page-3' },
      { at: at + 2_000, kind: 'interrupt', ref: 'approval' },
    ]);
    const unended = { outcome: undefined, endedAt: undefined, durationMs: undefined };
    const below = { runId: run.runId, parentRecordId: run.recordId };
    await ledger.write([
      { ...run, ...unended, timeline } as never,
      { ...stepRecord({ ...below, name: 'crawl', state: 'running' }), ...unended } as never,
    ]);

    const { stdout } = await show('waiting-run');

    expect(stdout).toMatch(/^nightly-orders {2}suspended for \d+ .*…\n/);
    expect(stdout).toMatch(/└─ crawl +\d+ .*… +running/);
    expect(stdout).toContain(
      'Moments\n  nightly-orders: checkpoint page-3 after 1.00 s\n  nightly-orders: interrupt approval after 2.00 s\n',
    );
  });

  it('tells why a run was not admitted, and what a run cost', async () => {
    const rejected = runRecord({
      ...{ runId: 'rejected-run-0001', outcome: 'rejection', rejectionReason: 'tenant_limit' },
      rejectionDetail: JSON.stringify({ detail: 'one import a tenant', limit: 1, current: 2 }),
    });
    const costly = runRecord({
      runId: 'costly-run-000001',
      costUsdMicros: 1_250_000,
      tokensIn: 1_200,
      tokensOut: 34,
    });
    await ledger.write([rejected, costly]);

    expect((await show('rejected-run')).stdout).toContain(
      'Skipped and rejected\n  nightly-orders: tenant_limit: one import a tenant (2 of 1)\n',
    );
    const list = await runCli(['runs', '--ledger', ledger.path, '--limit', '99']);
    expect(list.stdout).toMatch(/rejection .*tenant_limit: one import a tenant \(2 of 1\)/);
    expect((await show('costly-run')).stdout).toContain('$1.25, 1,234 tokens');
  });

  it('leaves out the middle of many successful siblings, but never a failure', async () => {
    const run = runRecord({ runId: 'wide-run-0000000001', durationMs: 900, recoveredFailures: 1 });
    const steps = Array.from({ length: 300 }, (_, index) =>
      stepRecord({
        ...{ name: `item-${index}`, runId: run.runId, parentRecordId: run.recordId },
        ...{ startedAt: run.startedAt + 1 + index, ...(index === 150 && { outcome: 'failure' as const }) },
      }),
    );
    await ledger.write([run, ...steps]);

    const short = (await show('wide-run')).stdout;
    const whole = (await show('wide-run', '--all')).stdout;

    expect(short.match(/item-\d+/g)?.length).toBeLessThan(40);
    expect(short).toContain('… 135 more, all successful (--all lists them)');
    expect(short).toMatch(/├─ item-150 +5.00 ms {2}failure .*recovered/);
    expect(new Set(whole.match(/item-\d+/g)).size).toBe(300);
  });

  it('keeps siblings of one millisecond in the order in which they ended', async () => {
    const run = runRecord({ runId: 'quick-run-00000001' });
    const steps = ['first', 'second', 'third', 'fourth'].map((name, index) =>
      stepRecord({
        ...{ name, runId: run.runId, parentRecordId: run.recordId, startedAt: run.startedAt },
        spanId: `${9 - index}`.repeat(16),
      }),
    );
    await ledger.write([...steps, run]);

    const { stdout } = await show('quick-run');

    expect(stdout.match(/(first|second|third|fourth)/g)).toEqual(['first', 'second', 'third', 'fourth']);
  });

  it('shows every record once when parent ids are missing or run in a circle', async () => {
    const first = stepRecord({ runId: 'odd-run-00000000001', name: 'first' });
    const second = stepRecord({ runId: first.runId, name: 'second', parentRecordId: first.recordId });
    const lost = stepRecord({ runId: first.runId, name: 'lost', parentRecordId: 'nowhere' });
    await ledger.write([{ ...first, parentRecordId: second.recordId }, second, lost]);

    const { stdout, exitCode } = await show('odd-run');

    expect(exitCode).toBe(0);
    const tree = stdout.split('\n\n')[1] ?? '';
    for (const name of ['first', 'second', 'lost']) expect(tree.split(name)).toHaveLength(2);
    expect(tree).toMatch(/^lost .*parent not recorded here$/m);
  });
});
