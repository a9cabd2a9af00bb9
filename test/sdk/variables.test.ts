import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { SqliteRecordStore } from '../../src/store/sql/sqlite-record-store.ts';
import { runRecord } from '../support/execution-records.ts';
import { freePort } from '../support/free-port.ts';
import { createProgramFolder, type ProgramFolder, REGISTER } from '../support/program.ts';

const DAY_MS = 86_400_000;
let folder: ProgramFolder;

beforeEach(async () => {
  folder = await createProgramFolder();
});
afterEach(() => folder.remove());

async function run(program: string, env: Readonly<Record<string, string>>): Promise<string> {
  const { exitCode, stdout, stderr } = await folder.run(program, { node: ['--import', REGISTER], env });
  expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' });
  return stdout;
}

const ALL = [
  expect.objectContaining({ name: 'import', keep_reason: 'all', input: null, input_hash: null }),
  expect.objectContaining({ name: 'load', rows_out: 1 }),
];
const DEFAULT_LEDGER = join('.runledger', 'ledger.db');

describe('a program started with runledger/register is told by', () => {
  it.each<[Readonly<Record<string, string>>, string, readonly unknown[]]>([
    [{}, DEFAULT_LEDGER, ALL],
    [{ RUNLEDGER_DISABLED: 'true' }, DEFAULT_LEDGER, []],
    [{ RUNLEDGER_DISABLED: 'false' }, DEFAULT_LEDGER, ALL],
    [{ RUNLEDGER_DIR: 'state' }, join('state', 'ledger.db'), ALL],
    [{ RUNLEDGER_STORE: 'sqlite:own.db' }, 'own.db', ALL],
    [{ RUNLEDGER_STORE: 'none' }, DEFAULT_LEDGER, []],
    [{ RUNLEDGER_STORE: 'memory:' }, DEFAULT_LEDGER, []],
    [
      { RUNLEDGER_KEEP_RATE: '0' },
      DEFAULT_LEDGER,
      [expect.objectContaining({ name: 'import', keep_reason: 'run', sample_rate: 1 })],
    ],
    [
      { RUNLEDGER_KEEP_RATE: '0', RUNLEDGER_SLOW_MS: '0' },
      DEFAULT_LEDGER,
      [
        expect.objectContaining({ name: 'import', keep_reason: 'slow' }),
        expect.objectContaining({ name: 'load', keep_reason: 'slow' }),
      ],
    ],
    [
      { RUNLEDGER_CAPTURE_INPUT: 'true' },
      DEFAULT_LEDGER,
      [
        expect.objectContaining({ input: '{"day":1}', input_hash: expect.stringMatching(/^[\da-f]{64}$/) }),
        ALL[1],
      ],
    ],
    [
      { RUNLEDGER_CAPTURE_INPUT: 'hash' },
      DEFAULT_LEDGER,
      [expect.objectContaining({ input: null, input_hash: expect.stringMatching(/^[\da-f]{64}$/) }), ALL[1]],
    ],
  ])('%j where and what to record', async (env, ledger, expected) => {
    await run('variables.mjs', env);
    expect(folder.rows(ledger)).toEqual(expected);
  });

  it.each([
    [{}, ['look_up', 'clerk']],
    [{ OTEL_TRACES_SAMPLER: 'always_off' }, ['look_up', 'clerk']],
    [{ RUNLEDGER_RECOGNISE: 'temporal, gen-ai' }, ['look_up', 'clerk']],
    [{ RUNLEDGER_RECOGNISE: 'temporal' }, []],
    [{ RUNLEDGER_RECOGNISE: 'none' }, []],
  ])('%j which spans of other libraries are executions', async (env, names) => {
    await run('agent.mjs', env);
    expect(
      folder
        .rows()
        .map(({ name }) => name)
        .sort(),
    ).toEqual([...names].sort());
  });

  it('its end that what is held of them is all there is', async () => {
    const options = { node: ['--import', REGISTER] };
    await folder.run('agent.mjs', { ...options, args: ['open'] });
    const { exitCode } = await folder.run('agent.mjs', { ...options, args: ['exit'] });
    expect(exitCode).toBe(3);
    const ended = folder.rows().filter(({ outcome }) => outcome === 'success');
    expect(ended.map(({ name }) => name)).toEqual(['look_up', 'look_up']);
  });

  it('RUNLEDGER_PROMETHEUS_PORT where to serve its metrics', async () => {
    const scrape = await run('variables.mjs', { RUNLEDGER_PROMETHEUS_PORT: String(await freePort()) });
    expect(scrape).toMatch(/^runledger_execution_duration_count\{.*runledger_name="load".*\} 1$/m);
  });

  it.each([
    [{}, ['import']],
    [{ RUNLEDGER_RETENTION: '30d' }, ['aged', 'import']],
    [{ RUNLEDGER_RETENTION: '5d,failed=100d' }, ['import']],
  ])('%j what to remove from its ledger', async (env, left) => {
    await mkdir(join(folder.path, '.runledger'));
    const store = new SqliteRecordStore({ path: join(folder.path, DEFAULT_LEDGER) });
    await store.init();
    await store.write([
      runRecord({ name: 'aged', runId: 'aged', startedAt: Date.now() - 10 * DAY_MS }),
      runRecord({ name: 'ancient', runId: 'ancient', startedAt: Date.now() - 400 * DAY_MS }),
    ]);
    await store.close();
    await run('prune-soon.mjs', env);
    expect(folder.rows().map(({ name }) => name)).toEqual(left);
  });
});
