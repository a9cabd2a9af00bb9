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

const SCENARIOS = [
  'tree',
  'retry',
  'exhausted',
  'failure',
  'goOn',
  'rollback',
  'concurrent',
  'stream',
  'foreign',
  'titles',
];

describe.each(
  LANES.flatMap((lane) => ['application.mjs', 'application.cjs'].map((program) => ({ ...lane, program }))),
)('the $lane listr2 beside SDK $sdk in $program, unchanged', ({ program, ...lane }) => {
  let application: EngineApplication;
  let plain: ProgramEnd;
  let registered: ProgramEnd;
  let rows: readonly RecordedRow[];
  let spans: Readonly<Record<string, string>>;

  beforeAll(async () => {
    application = await createEngineApplication('listr2', lane);
    plain = await application.run(program, { args: SCENARIOS, plain: true });
    registered = await application.run(program, { args: SCENARIOS, env: { SPANS_FILE: 'spans.txt' } });
    rows = application.rows();
    const lines = (await readFile(join(application.path, 'spans.txt'), 'utf8')).trim().split('\n');
    spans = Object.fromEntries(lines.map((line) => line.split('\t')));
  }, INSTALL_MILLIS);
  afterAll(() => application.remove());

  /** The rows of a pipeline's runs as `kind name: outcome`, in no order: concurrent tasks have none. */
  const runOf = (pipeline: string) => rows.filter((row) => row.pipeline === pipeline);
  const described = (pipeline: string) =>
    runOf(pipeline).map(({ kind, name, outcome, parent }) => `${parent ?? ''} > ${kind} ${name}: ${outcome}`);
  const row = (pipeline: string, name: string, attempt = 1) =>
    runOf(pipeline).find(
      (each) => each.name === name && each.attempt === attempt && each.kind !== 'pipeline',
    );
  const run = (pipeline: string) => runOf(pipeline).find(({ kind }) => kind === 'pipeline');

  it('behaves as it does without', () => {
    expect(registered).toEqual(plain);
    expect(plain).toMatchObject({ exitCode: 0, stderr: '' });
  });

  it('is a pipeline of steps, and of processes where a task has a list of its own', () => {
    const name = 'Prepare, Build, Publish +2';
    expect(described(name).sort()).toEqual(
      [
        ` > pipeline ${name}: success`,
        `${name} > step Prepare: success`,
        `${name} > process Build: success`,
        'Build > step Compile: success',
        'Build > step Link: success',
        `${name} > step Publish: skip`,
        `${name} > step Sign: skip`,
        `${name} > step Notify: skip`,
      ].sort(),
    );
    expect(run(name)?.attributes).toContain('"runledger.engine":"listr2"');
  });

  it('says why a task was skipped', () => {
    const name = 'Prepare, Build, Publish +2';
    expect(['Publish', 'Sign', 'Notify'].map((task) => row(name, task)?.skip_reason)).toEqual([
      'disabled',
      'no key',
      'nobody listens',
    ]);
  });

  it('has spans made in a task below its step, also where tasks run at once', () => {
    const name = 'Prepare, Build, Publish +2';
    expect(spans['of prepare']).toBe(row(name, 'Prepare')?.span_id);
    expect(spans['of compile']).toBe(row(name, 'Compile')?.span_id);
    expect(spans['of link']).toBe(row(name, 'Link')?.span_id);
    for (const task of ['A', 'B', 'C', 'D']) {
      expect(spans[`of ${task}`]).toBe(row('A, B, C +1', task)?.span_id);
    }
  });

  it('has an execution for each attempt, and a retry that succeeds leaves the run a success', () => {
    const attempts = runOf('Download').filter(
      ({ kind, error_message }) => kind === 'step' && error_message !== 'no route',
    );
    expect(
      attempts.map(({ attempt, outcome, error_message }) => [attempt, outcome, error_message]).sort(),
    ).toEqual([
      [1, 'failure', 'try 1'],
      [2, 'failure', 'try 2'],
      [3, 'success', null],
    ]);
    const recovered = runOf('Download').find(
      ({ kind, outcome }) => kind === 'pipeline' && outcome === 'success',
    );
    expect(recovered).toMatchObject({ recovered_failures: 2, failed_step: null });
  });

  it('fails with the last attempt', () => {
    const failed = runOf('Download').filter(({ error_message }) => error_message === 'no route');
    expect(failed.map(({ kind, attempt }) => `${kind} ${attempt}`).sort()).toEqual([
      'pipeline 1',
      'step 1',
      'step 2',
    ]);
    expect(failed.find(({ kind }) => kind === 'pipeline')).toMatchObject({
      failed_step: 'Download',
      error_type: 'RangeError',
    });
  });

  it('names the step a failure started at, through the list it is in', () => {
    expect(described('Build, Never').sort()).toEqual([
      ' > pipeline Build, Never: failure',
      'Build > step Compile: success',
      'Build > step Link: failure',
      'Build, Never > process Build: failure',
    ]);
    expect(run('Build, Never')).toMatchObject({ failed_step: 'Link', error_type: 'TypeError' });
    expect(row('Build, Never', 'Build')).toMatchObject({ kind: 'process', failed_step: 'Link' });
  });

  it('goes on after a failure where the list does, and counts it', () => {
    expect(described('Lint, Test').sort()).toEqual([
      ' > pipeline Lint, Test: success',
      'Lint, Test > step Lint: failure',
      'Lint, Test > step Test: success',
    ]);
    expect(run('Lint, Test')?.recovered_failures).toBe(1);
    expect(row('Lint, Test', 'Lint')?.error_message).toBe('3 problems');
  });

  it('has a rollback as a step of its own, beside the one that failed', () => {
    expect(described('Deploy').sort()).toEqual([
      ' > pipeline Deploy: failure',
      'Deploy > step Deploy (rollback): success',
      'Deploy > step Deploy: failure',
    ]);
    expect(run('Deploy')).toMatchObject({ failed_step: 'Deploy', error_message: 'host is down' });
    expect(spans['of rollback']).toBe(row('Deploy', 'Deploy (rollback)')?.span_id);
  });

  it("takes what a task returned for the task's own work: a stream that breaks", () => {
    expect(described('Read, Unpack').sort()).toEqual([
      ' > pipeline Read, Unpack: failure',
      'Read, Unpack > step Read: success',
      'Read, Unpack > step Unpack: failure',
    ]);
    expect(row('Read, Unpack', 'Unpack')?.error_message).toBe('disk full');
  });

  it('finds the task a list belongs to, whoever made or runs it, at every run', () => {
    const name = 'Returned, By hand';
    const once = [
      ` > pipeline ${name}: success`,
      'By hand > step Own: success',
      'Returned > step Inner: success',
      `${name} > process By hand: success`,
      `${name} > process Returned: success`,
    ];
    expect(described(name).sort()).toEqual([...once, ...once].sort());
  });

  it('takes colours and further lines out of names', () => {
    expect(described('green').sort()).toEqual([
      ' > pipeline green: success',
      'green > step green: success',
      'green > step task 2: success',
    ]);
  });
});

describe.each(LANES)('an interrupted run of the $lane listr2', (lane) => {
  it(
    'ends as cancelled, with the exit code it has without',
    async () => {
      const application = await createEngineApplication('listr2', lane);
      const plain = await application.run('application.mjs', { args: ['interrupted'], plain: true });
      const registered = await application.run('application.mjs', { args: ['interrupted'] });
      const rows = application.rows();
      await application.remove();

      expect(registered).toEqual(plain);
      expect(registered.exitCode).toBe(127);
      expect(rows.map(({ kind, outcome }) => `${kind} ${outcome}`).sort()).toEqual([
        'pipeline cancellation',
        'step cancellation',
      ]);
    },
    INSTALL_MILLIS,
  );
});
