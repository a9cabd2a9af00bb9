import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import {
  createEngineApplication,
  type EngineApplication,
  LANES,
  type RecordedRow,
} from '../support/engine-application.ts';
import { INSTALL_MILLIS } from '../support/fixture-project.ts';
import type { ProgramEnd } from '../support/program.ts';

const SCENARIOS = ['tree', 'retry', 'failure', 'inner', 'cancelled', 'waiting', 'hooked'];

describe.each(
  LANES.flatMap((lane) => ['application.mjs', 'application.cjs'].map((program) => ({ ...lane, program }))),
)('the $lane orchestration of medusa beside SDK $sdk in $program, unchanged', ({ program, ...lane }) => {
  let application: EngineApplication;
  let plain: ProgramEnd;
  let registered: ProgramEnd;
  let rows: readonly RecordedRow[];
  let spans: Readonly<Record<string, string>>;

  beforeAll(async () => {
    application = await createEngineApplication('medusa', lane);
    plain = await application.run(program, { args: SCENARIOS, plain: true });
    const env = { SPANS_FILE: 'spans.txt', RUNLEDGER_CAPTURE_INPUT: 'true' };
    registered = await application.run(program, { args: SCENARIOS, env });
    rows = application.rows();
    const lines = (await readFile(join(application.path, 'spans.txt'), 'utf8')).trim().split('\n');
    spans = Object.fromEntries(lines.map((line) => line.split('\t')));
  }, INSTALL_MILLIS);
  afterAll(() => application.remove());

  const runOf = (pipeline: string) => rows.filter((row) => row.pipeline === pipeline);
  const run = (pipeline: string) => runOf(pipeline).find(({ kind }) => kind === 'pipeline');
  const row = (pipeline: string, name: string) =>
    runOf(pipeline).find((each) => each.name === name && each.kind === 'step');
  const described = (pipeline: string) =>
    runOf(pipeline)
      .map(
        ({ kind, name, attempt, outcome, parent }) =>
          `${parent ?? ''} > ${kind} ${name} #${attempt}: ${outcome}`,
      )
      .sort();

  it('behaves as it does without', () => {
    expect(registered).toEqual(plain);
    expect(plain).toMatchObject({ exitCode: 0, stderr: '' });
    expect(plain.stdout.split('\n')[0]).toBe('tree done');
  });

  it('is a pipeline of steps, and says which one skipped itself and why', () => {
    expect(described('tree')).toEqual([
      ' > pipeline tree #1: success',
      'tree > step archive #1: skip',
      'tree > step extract #1: success',
      'tree > step left #1: success',
      'tree > step right #1: success',
    ]);
    expect(run('tree')).toMatchObject({ correlation_id: 'tree-1', input: '{"rows":40}' });
    expect(run('tree')?.attributes).toContain('"runledger.engine":"medusa"');
    expect(row('tree', 'archive')?.skip_reason).toBe('nothing to archive');
  });

  it('has spans made in a step below it, also where steps run at once, and in what compensates one', () => {
    for (const step of ['extract', 'left', 'right'])
      expect(spans[`of ${step}`]).toBe(row('tree', step)?.span_id);
    expect(spans['of rollback']).toBe(row('failure', 'reserve (rollback)')?.span_id);
  });

  it('has an execution for each attempt', () => {
    expect(described('retry')).toEqual([
      ' > pipeline retry #1: success',
      'retry > step flaky #1: failure',
      'retry > step flaky #2: success',
    ]);
    expect(run('retry')).toMatchObject({ recovered_failures: 1, failed_step: null });
  });

  it('is failed where it was compensated, and names the step it failed at', () => {
    expect(described('failure')).toEqual([
      ' > pipeline failure #1: failure',
      'failure > step charge #1: failure',
      'failure > step charge (rollback) #1: success',
      'failure > step reserve #1: success',
      'failure > step reserve (rollback) #1: success',
    ]);
    expect(run('failure')).toMatchObject({
      failed_step: 'charge',
      error_type: 'TypeError',
      error_message: 'card refused',
    });
  });

  it('names the step of a workflow that a step ran', () => {
    expect(run('inner')).toMatchObject({ parent: 'prepare', failed_step: 'unpack' });
    expect(run('outer')).toMatchObject({ error_message: 'preparing failed', failed_step: 'unpack' });
    expect(run('inner')?.run_id).toBe(run('outer')?.run_id);
  });

  it('is cancelled where it was done and is reverted', () => {
    const runs = runOf('cancelled').filter(({ kind }) => kind === 'pipeline');
    expect(runs.map(({ outcome }) => outcome)).toEqual(['success', 'cancellation']);
  });

  it('is one run where it waits for somebody to say that a step is done', () => {
    expect(described('waiting')).toEqual([
      ' > pipeline waiting #1: failure',
      'waiting > step act #1: failure',
      'waiting > step act (rollback) #1: success',
      'waiting > step ask #1: success',
      'waiting > step ask (rollback) #1: success',
    ]);
    expect(run('waiting')).toMatchObject({ failed_step: 'act', error_type: 'RangeError' });
  });

  it("shares the hook for steps with the application's own", () => {
    expect(plain.stdout).toContain('hooked done work 1\n');
    expect(described('hooked')).toEqual([' > pipeline hooked #1: success', 'hooked > step work #1: success']);
  });
});
