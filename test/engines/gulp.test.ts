import { cp, mkdir, readFile, symlink } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { instrument, PipelineInstrumentation } from '../../src/index.ts';
import {
  createEngineApplication,
  type EngineApplication,
  LANES,
  type RecordedRow,
} from '../support/engine-application.ts';
import { INSTALL_MILLIS, installFixture } from '../support/fixture-project.ts';
import type { ProgramEnd } from '../support/program.ts';
import { Telemetry } from '../support/telemetry.ts';

const SCENARIOS = [
  'tree',
  'failure',
  'siblings',
  'settle',
  'stream',
  'twice',
  'onward',
  'later',
  'bare',
  'cut',
];
const COMMAND_LINE = 'node_modules/gulp/bin/gulp.js';

const described = (rows: readonly RecordedRow[]) =>
  rows.map(({ kind, name, outcome, parent }) => `${parent ?? ''} > ${kind} ${name}: ${outcome}`).sort();

describe.each(
  LANES.flatMap((lane) => ['application.mjs', 'application.cjs'].map((program) => ({ ...lane, program }))),
)('the $lane gulp beside SDK $sdk in $program, unchanged', ({ program, ...lane }) => {
  let application: EngineApplication;
  let plain: ProgramEnd;
  let registered: ProgramEnd;
  let rows: readonly RecordedRow[];
  let spans: readonly (readonly string[])[];

  beforeAll(async () => {
    application = await createEngineApplication('gulp', lane);
    plain = await application.run(program, { args: SCENARIOS, plain: true });
    registered = await application.run(program, { args: SCENARIOS, env: { SPANS_FILE: 'spans.txt' } });
    rows = application.rows();
    const lines = (await readFile(join(application.path, 'spans.txt'), 'utf8')).trim().split('\n');
    spans = lines.map((line) => line.split('\t'));
  }, INSTALL_MILLIS);
  afterAll(() => application.remove());

  const runOf = (pipeline: string) => rows.filter((row) => row.pipeline === pipeline);
  const run = (pipeline: string) => runOf(pipeline).find(({ kind }) => kind === 'pipeline');
  const row = (pipeline: string, name: string) =>
    runOf(pipeline).find((each) => each.name === name && each.kind !== 'pipeline');
  const spansOf = (name: string) => spans.filter(([each]) => each === name).map(([, id]) => id);

  it('behaves as it does without: results, errors, events, the tree of tasks, the exit code', () => {
    expect(registered).toEqual(plain);
    expect(plain).toMatchObject({ exitCode: 1, stderr: '' });
    expect(plain.stdout).toMatch(/^tree ok: 2; .*; true; start build false/);
  });

  it('is a pipeline of steps, and of processes where a task is composed', () => {
    const name = 'build, <parallel>';
    expect(described(runOf(name))).toEqual(
      [
        ` > pipeline ${name}: success`,
        `${name} > process build: success`,
        'build > step clean: success',
        'build > process <parallel>: success',
        '<parallel> > step css: success',
        '<parallel> > step js: success',
        `${name} > process <parallel>: success`,
        '<parallel> > step lint: success',
        '<parallel> > step <anonymous>: success',
      ].sort(),
    );
    expect(run(name)?.attributes).toContain('"runledger.engine":"gulp"');
  });

  it('has spans made in a task below its step, also in what it returned', () => {
    const name = 'build, <parallel>';
    for (const task of ['clean', 'css', 'lint']) {
      expect(spansOf(`of ${task}`)).toEqual([row(name, task)?.span_id]);
    }
    expect(new Set(spansOf('of js'))).toEqual(new Set([row(name, 'js')?.span_id]));
  });

  it('names the step a failure started at, through the task it is in', () => {
    expect(described(runOf('bundle, never'))).toEqual([
      ' > pipeline bundle, never: failure',
      'bundle > step compile: success',
      'bundle > step link: failure',
      'bundle, never > process bundle: failure',
    ]);
    for (const each of [run('bundle, never'), row('bundle, never', 'bundle')]) {
      expect(each).toMatchObject({
        failed_step: 'link',
        error_type: 'TypeError',
        error_message: 'no such symbol',
      });
    }
  });

  it('fails with the first of several that run at once, and lets the others end as they do', () => {
    expect(described(runOf('quick, slow'))).toEqual([
      ' > pipeline quick, slow: failure',
      'quick, slow > step quick: failure',
      'quick, slow > step slow: success',
    ]);
    expect(run('quick, slow')).toMatchObject({ failed_step: 'quick', error_message: 'too quick' });
  });

  it('lists every failure of a run that goes on after them', () => {
    const name = 'fine, <parallel>, third +1';
    expect(described(runOf(name))).toEqual(
      [
        ` > pipeline ${name}: failure`,
        `${name} > step fine: success`,
        `${name} > process <parallel>: failure`,
        '<parallel> > step first: failure',
        '<parallel> > step second: failure',
        `${name} > step third: failure`,
        `${name} > step fine: success`,
      ].sort(),
    );
    expect(run(name)).toMatchObject({ error_type: 'AggregateError', failed_step: 'first', failed_count: 2 });
    expect(row(name, '<parallel>')).toMatchObject({ failed_step: 'first', failed_count: 2 });
  });

  it("takes what a task returned for the task's own work: a stream that breaks", () => {
    expect(run('unpack')).toMatchObject({ failed_step: 'unpack', error_message: 'disk full' });
  });

  it('tells runs of one composition at once apart, and one function used twice', () => {
    const runs = runOf('same, same').filter(({ kind }) => kind === 'pipeline');
    const steps = runOf('same, same').filter(({ kind }) => kind === 'step');
    expect(runs).toHaveLength(2);
    expect(steps.map(({ parent_record_id }) => parent_record_id).sort()).toEqual(
      runs.flatMap(({ record_id }) => [record_id, record_id]).sort(),
    );
    const made = [1, 2, 3, 4].flatMap((call) => spansOf(`of call ${call}`));
    expect(made.sort()).toEqual(steps.map(({ span_id }) => span_id).sort());
  });

  it('is over when it calls back: what follows belongs to the caller', () => {
    expect(spansOf('after one')).toEqual(['undefined']);
    expect(described([...runOf('one'), ...runOf('two')])).toEqual([
      ' > pipeline one: success',
      ' > pipeline two: success',
      'one > step one: success',
      'two > step two: success',
    ]);
    expect(run('one')?.run_id).not.toBe(run('two')?.run_id);
  });

  it('is a pipeline of its own where a task starts it later', () => {
    expect(described([...runOf('watch'), ...runOf('rebuilt')])).toEqual([
      ' > pipeline watch: success',
      'rebuilt > step rebuilt: success',
      'watch > pipeline rebuilt: success',
      'watch > step watch: success',
    ]);
    expect(run('rebuilt')?.run_id).toBe(run('watch')?.run_id);
  });

  it('knows compositions made without undertaker, and takes colours and further lines out of names', () => {
    expect(described(runOf('<series>, send'))).toEqual([
      ' > pipeline <series>, send: failure',
      '<series> > step load: success',
      '<series> > step save: success',
      '<series>, send > process <series>: success',
      '<series>, send > step send: failure',
    ]);
  });

  it('says which task had not completed when the process ended', () => {
    expect(run('breaks, hangs')).toMatchObject({ outcome: 'failure', failed_step: 'breaks' });
    expect(row('breaks, hangs', 'hangs')).toMatchObject({
      outcome: 'error',
      error_type: 'IncompleteTaskError',
    });
  });
});

describe.each(['gulpfile.mjs', 'gulpfile.cjs'])('the command line of gulp with %s', (gulpfile) => {
  const [newest] = LANES;
  let application: EngineApplication;

  beforeAll(async () => {
    if (newest === undefined) throw new Error('there is no lane');
    application = await createEngineApplication('gulp', newest);
  }, INSTALL_MILLIS);
  afterAll(() => application.remove());

  /** What ends with the process may take longer to store than the process waits: it is in the spool then. */
  const recover = () =>
    application.run('node_modules/runledger/dist/cli.js', { args: ['recover'], plain: true });

  it('has a pipeline named after the task, and the tasks of the gulpfile', async () => {
    const args = ['--silent', '--gulpfile', gulpfile, 'broken'];
    const plain = await application.run(COMMAND_LINE, { args, plain: true });
    const registered = await application.run(COMMAND_LINE, { args });
    await recover();
    const rows = application.rows();
    expect(registered).toEqual(plain);
    expect(registered).toEqual({ exitCode: 1, signal: null, stdout: 'scripts\n', stderr: '' });
    expect(described(rows)).toEqual(
      [
        ' > pipeline broken: failure',
        'broken > process broken: failure',
        'broken > process <series>: success',
        '<series> > step styles: success',
        '<series> > process <parallel>: success',
        '<parallel> > step scripts: success',
        '<parallel> > step <anonymous>: success',
        'broken > step publish: failure',
      ].sort(),
    );
    expect(rows.find(({ kind }) => kind === 'pipeline')).toMatchObject({
      failed_step: 'publish',
      error_type: 'RangeError',
    });
  });

  it('finds the task that forgot to signal completion', async () => {
    const args = ['--silent', '--gulpfile', gulpfile, 'forgetful'];
    const plain = await application.run(COMMAND_LINE, { args, plain: true });
    expect(await application.run(COMMAND_LINE, { args })).toEqual(plain);
    await recover();
    const rows = application.rows().filter(({ pipeline }) => pipeline === 'forgetful');
    expect(rows.map(({ kind, outcome, error_type }) => `${kind} ${outcome} ${error_type}`).sort()).toEqual([
      'pipeline error IncompleteTaskError',
      'step error IncompleteTaskError',
    ]);
  });
});

describe('two copies of bach', () => {
  it(
    'are one engine: each is instrumented once, and one is the body of a task of the other',
    async () => {
      const [newest] = LANES;
      if (newest === undefined) throw new Error('there is no lane');
      const application = await createEngineApplication('gulp', newest);
      const modules = join(application.path, 'node_modules');
      const copy = join(application.path, 'other', 'node_modules', 'bach');
      await mkdir(join(copy, '..'), { recursive: true });
      await cp(join(modules, 'bach'), copy, { recursive: true, dereference: true });
      for (const name of ['async-done', 'async-settle', 'now-and-later']) {
        await symlink(join(modules, name), join(copy, '..', name));
      }
      const end = await application.run('two-copies.cjs');
      const rows = application.rows();
      await application.remove();
      expect(end).toMatchObject({ exitCode: 0, stdout: 'false null\n', stderr: '' });
      expect(described(rows)).toEqual(
        [
          ' > pipeline wrapped, <parallel>: success',
          'wrapped, <parallel> > process wrapped: success',
          'wrapped > step work: success',
          'wrapped, <parallel> > process <parallel>: success',
          '<parallel> > step work: success',
        ].sort(),
      );
    },
    INSTALL_MILLIS,
  );
});

describe('bach handed over by hand', () => {
  const fixture = fileURLToPath(new URL('gulp/newest/', import.meta.url));
  let telemetry: Telemetry;

  beforeAll(() => installFixture(fixture), INSTALL_MILLIS);
  beforeEach(() => {
    telemetry = new Telemetry();
  });
  afterEach(() => telemetry.stop());

  it('is instrumented once, named as the application says, and left alone when it is switched off', async () => {
    const bach = createRequire(join(fixture, 'program.cjs'))('bach');
    instrument(bach);
    instrument(bach);
    const nightly = bach.series(async function load() {});
    const end = () => new Promise<void>((resolve) => nightly(() => resolve()));
    const config = {
      engines: { gulp: { name: (run: object) => (run === nightly ? 'nightly' : undefined) } },
    };
    const instrumentation = new PipelineInstrumentation(config);
    await end();
    instrumentation.setConfig({ engines: { gulp: { enabled: false } } });
    await end();
    instrumentation.disable();
    expect(telemetry.spans.map(({ name }) => name)).toEqual(['step load', 'pipeline nightly']);
  });
});
