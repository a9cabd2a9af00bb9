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

const SCENARIOS = ['tree', 'retry', 'failure', 'refused', 'recovered', 'body', 'plain'];

describe.each(
  LANES.flatMap((lane) => ['application.mjs', 'application.cjs'].map((program) => ({ ...lane, program }))),
)('the $lane inngest beside SDK $sdk in $program, unchanged', ({ program, ...lane }) => {
  let application: EngineApplication;
  let plain: ProgramEnd;
  let registered: ProgramEnd;
  let rows: readonly RecordedRow[];
  let spans: Readonly<Record<string, string>>;

  beforeAll(async () => {
    application = await createEngineApplication('inngest', lane);
    plain = await application.run(program, { args: SCENARIOS, plain: true });
    const env = { SPANS_FILE: 'spans.txt', RUNLEDGER_CAPTURE_INPUT: 'true' };
    registered = await application.run(program, { args: SCENARIOS, env });
    rows = application.rows();
    const lines = (await readFile(join(application.path, 'spans.txt'), 'utf8')).trim().split('\n');
    spans = Object.fromEntries(lines.map((line) => line.split('\t')));
  }, INSTALL_MILLIS);
  afterAll(() => application.remove());

  const runOf = (pipeline: string) => rows.filter((row) => row.pipeline === pipeline);
  const run = (pipeline: string) =>
    runOf(pipeline).find(({ kind, final }) => kind === 'pipeline' && final === 1);
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
    expect(plain.stdout.split('\n')[0]).toBe('tree 42');
  });

  it('is one run, however often Inngest calls the application, with each step it ran', () => {
    expect(described('tree')).toEqual([
      ' > pipeline tree #1: success',
      'tree > step Right side #1: success',
      'tree > step extract #1: success',
      'tree > step left #1: success',
      'tree > step load #1: success',
    ]);
    expect(run('tree')).toMatchObject({ state: 'ended', input: '{"rows":40}' });
    expect(run('tree')?.attributes).toContain('"runledger.engine":"inngest"');
    const ids = new Set(runOf('tree').map(({ run_id }) => run_id));
    expect([...ids]).toEqual([expect.stringMatching(/^[0-9A-HJKMNP-TV-Z]{26}$/)]);
  });

  it('has spans made in a step below it, also where steps run at once', () => {
    const spanOf = (name: string) => runOf('tree').find((row) => row.name === name)?.span_id;
    expect(spans).toEqual({
      'of extract': spanOf('extract'),
      'of left': spanOf('left'),
      'of right': spanOf('Right side'),
    });
  });

  it('has an execution for each attempt of a step, which knows whether it was the last', () => {
    const attempts = (pipeline: string, step: string) =>
      runOf(pipeline)
        .filter(({ name }) => name === step)
        .map(({ attempt, outcome, final }) => [attempt, outcome, final])
        .sort();
    expect(attempts('retry', 'flaky')).toEqual([
      [1, 'failure', 0],
      [2, 'success', null],
    ]);
    expect(run('retry')).toMatchObject({ outcome: 'success', recovered_failures: 1, failed_step: null });
    expect(attempts('failure', 'transform')).toEqual([
      [1, 'failure', 0],
      [2, 'failure', 1],
    ]);
    expect(attempts('refused', 'check')).toEqual([[1, 'failure', 1]]);
  });

  it('names the step a run failed at, and the error it threw', () => {
    expect(run('failure')).toMatchObject({
      outcome: 'failure',
      failed_step: 'transform',
      error_type: 'TypeError',
      error_message: 'no such column',
    });
    expect(run('refused')).toMatchObject({ failed_step: 'check', error_message: 'no such customer' });
    expect(runOf('refused').find(({ name }) => name === 'check')?.error_type).toBe('NonRetriableError');
  });

  it('leaves a run that handles the failure of a step a success', () => {
    expect(run('recovered')).toMatchObject({ outcome: 'success', recovered_failures: 1 });
  });

  it('has an execution for an attempt of the function that failed outside of steps', () => {
    expect(described('body')).toEqual([
      ' > pipeline body #1: failure',
      ' > pipeline body #2: success',
      'body > step prepare #1: success',
    ]);
    expect(runOf('body').find(({ outcome }) => outcome === 'failure')).toMatchObject({
      final: 0,
      error_message: 'outside of steps',
    });
    expect(new Set(runOf('body').map(({ run_id }) => run_id)).size).toBe(1);
  });

  it('knows functions without steps', () => {
    expect(described('plain')).toEqual([' > pipeline plain #1: success']);
  });
});

describe('a run of inngest that every call finds another process for', () => {
  it(
    'is one run, which is seen from its first call on and names the step another process failed at',
    async () => {
      const [newest] = LANES;
      if (newest === undefined) throw new Error('there is no lane');
      const application = await createEngineApplication('inngest', newest);
      const states: (string | null | undefined)[] = [];
      let state: readonly string[] = [];
      for (let isOver = false; !isOver; ) {
        const { stdout } = await application.run('handed-over.mjs', { args: ['failure', ...state] });
        const { run, end } = JSON.parse(stdout);
        state = [JSON.stringify(run)];
        isOver = end !== undefined;
        states.push(application.rows().find(({ kind }) => kind === 'pipeline')?.state as string);
      }
      const rows = application.rows();
      await application.remove();

      expect(states).toEqual(['suspended', 'suspended', 'ended']);
      expect(rows.map(({ name, outcome, parent }) => `${parent ?? ''} > ${name}: ${outcome}`)).toEqual([
        ' > failure: failure',
        'failure > extract: success',
        'failure > transform: failure',
        'failure > transform: failure',
      ]);
      expect(rows[0]).toMatchObject({ failed_step: 'transform', error_type: 'TypeError' });
      expect(new Set(rows.map(({ pid }) => pid)).size).toBe(3);
      expect(new Set(rows.map(({ run_id }) => run_id)).size).toBe(1);
    },
    INSTALL_MILLIS,
  );
});
