import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import {
  createEngineApplication,
  type EngineApplication,
  LANES,
  type RecordedRow,
} from '../support/engine-application.ts';
import { INSTALL_MILLIS } from '../support/fixture-project.ts';
import { hasPostgres, startPostgres } from '../support/postgres-server.ts';
import type { ProgramEnd } from '../support/program.ts';
import type { TestServer } from '../support/server-process.ts';

const SCENARIOS = ['once', 'retry', 'exhausted', 'batch', 'continuous', 'shared', 'forced'];
const PROGRAMS = ['application.mjs', 'application.cjs'];

let postgres: TestServer;
let schemas = 0;

/** The server, and a schema of the run's own. */
const surroundings = () => ({ DATABASE_URL: postgres.url, SCHEMA: `worker_${++schemas}` });

(hasPostgres ? describe : describe.skip)('graphile-worker', () => {
  beforeAll(async () => {
    postgres = await startPostgres();
  }, INSTALL_MILLIS);
  afterAll(() => postgres?.dispose());

  describe.each(LANES.flatMap((lane) => PROGRAMS.map((program) => ({ ...lane, program }))))(
    'the $lane one in $program, unchanged',
    ({ program, ...lane }) => {
      let application: EngineApplication;
      let plain: ProgramEnd;
      let registered: ProgramEnd;
      let rows: readonly RecordedRow[];
      let spans: Readonly<Record<string, string>>;

      beforeAll(async () => {
        application = await createEngineApplication('graphile-worker', lane);
        plain = await application.run(program, { args: SCENARIOS, env: surroundings(), plain: true });
        registered = await application.run(program, {
          args: SCENARIOS,
          env: { ...surroundings(), SPANS_FILE: 'spans.txt', RUNLEDGER_CAPTURE_INPUT: 'true' },
        });
        rows = application.rows();
        const lines = (await readFile(join(application.path, 'spans.txt'), 'utf8')).trim().split('\n');
        spans = Object.fromEntries(lines.map((line) => line.split('\t')));
      }, INSTALL_MILLIS);
      afterAll(() => application?.remove());

      const runs = (name: string) => rows.filter((row) => row.kind === 'pipeline' && row.name === name);

      it('behaves as it does without', () => {
        expect(registered).toEqual(plain);
        expect(plain).toMatchObject({ exitCode: 0, stderr: '' });
      });

      it('has a pipeline for each job, with the job, its worker, its wait and its input', () => {
        expect(runs('send_mail')).toEqual([
          expect.objectContaining({
            outcome: 'success',
            attempt: 1,
            correlation_id: 'mail-ada',
            parent: null,
            worker_id: expect.stringMatching(/^worker-/),
            wait_ms: expect.any(Number),
            input: expect.stringContaining('ada'),
            attributes: expect.stringContaining('"runledger.engine":"graphile-worker"'),
          }),
        ]);
        expect(runs('resize')).toEqual([expect.objectContaining({ outcome: 'success' })]);
      });

      it('has spans made in a task below its job, in one that returns at once as in one that is chained', () => {
        for (const name of ['send_mail', 'resize', 'first', 'second']) {
          expect(spans[`of ${name}`]).toBe(runs(name)[0]?.span_id);
        }
      });

      it('has an execution for each attempt, final where no other follows', () => {
        expect(
          runs('import').map(({ attempt, final, outcome, error_type, error_message }) => [
            attempt,
            final,
            outcome,
            error_type,
            error_message,
          ]),
        ).toEqual([
          [1, 0, 'failure', 'RangeError', 'try 1'],
          [2, 0, 'failure', 'RangeError', 'try 2'],
          [3, 1, 'success', null, null],
        ]);
        expect(new Set(runs('import').map(({ correlation_id }) => correlation_id)).size).toBe(1);
        for (const { attributes } of runs('import')) {
          expect(attributes).toContain('"runledger.max_attempts":3');
        }
      });

      it('ends with what the task threw, whatever that was', () => {
        expect(runs('charge')).toEqual([
          expect.objectContaining({
            outcome: 'failure',
            error_type: 'TypeError',
            error_message: 'card declined',
            error_code: 'E402',
            final: 1,
          }),
        ]);
        expect(runs('odd')).toEqual([
          expect.objectContaining({ outcome: 'failure', error_type: 'string', error_message: 'a string' }),
        ]);
        expect(runs('stopped')).toEqual([expect.objectContaining({ outcome: 'cancellation' })]);
      });

      it('has a step for each entry of a batch, and names the one that failed it', () => {
        const [first, second] = runs('index');
        expect(first).toMatchObject({ outcome: 'failure', failed_step: 'entry', attempt: 1 });
        expect(first?.error_message).toContain('b is too large');
        expect(second).toMatchObject({ outcome: 'success', attempt: 2 });
        const entries = rows.filter(({ kind, parent }) => kind === 'step' && parent === 'index');
        expect(
          entries
            .map(({ run_id, outcome, error_message, attributes }) => [
              run_id === first?.run_id ? 1 : 2,
              JSON.parse(String(attributes))['graphile_worker.batch.index'],
              outcome,
              error_message,
            ])
            .sort(),
        ).toEqual([
          [1, 0, 'success', null],
          [1, 1, 'failure', 'b is too large'],
          [1, 2, 'success', null],
          [2, 0, 'success', null],
        ]);
      });

      it('counts a job once where workers share an emitter, and where the table of tasks is frozen', () => {
        expect(runs('frozen').map(({ outcome }) => outcome)).toEqual(['success', 'success']);
      });

      it('ends a job its worker gives up on as an error of the system', () => {
        expect(runs('hangs')).toEqual([
          expect.objectContaining({ outcome: 'error', error_message: 'deadline of the deployment' }),
        ]);
      });

      it('has nothing else', () => {
        const names = [
          ['send_mail', 'resize', 'import', 'import', 'import', 'charge', 'odd', 'stopped'],
          ['index', 'index', 'entry', 'entry', 'entry', 'entry'],
          ['first', 'second', 'frozen', 'frozen', 'hangs'],
        ].flat();
        expect(rows.map(({ name }) => name).sort()).toEqual(names.sort());
      });
    },
  );

  describe.each(LANES)('the $lane one', (lane) => {
    let application: EngineApplication;
    beforeAll(async () => {
      application = await createEngineApplication('graphile-worker', lane);
    }, INSTALL_MILLIS);
    afterAll(() => application?.remove());

    it('joins the run that enqueued a job in another process, where its payload carries it', async () => {
      const env = surroundings();
      const producer = await application.run('producer.mjs', { env });
      const worker = await application.run('application.mjs', { args: ['drain'], env });
      const rows = application.rows();

      expect(producer).toMatchObject({ exitCode: 0, stderr: '' });
      expect(worker).toMatchObject({ exitCode: 0, stdout: 'drain customers,orders\n' });
      expect(rows.map(({ kind, name, outcome, parent }) => [kind, name, outcome, parent])).toEqual([
        ['pipeline', 'nightly', 'success', null],
        ['step', 'enqueue', 'success', 'nightly'],
        ['pipeline', 'load', 'success', 'enqueue'],
        ['pipeline', 'load', 'failure', 'enqueue'],
      ]);
      expect(new Set(rows.map(({ run_id }) => run_id)).size).toBe(1);
      expect(new Set(rows.map(({ trace_id }) => trace_id)).size).toBe(1);
      expect(new Set(rows.map(({ tenant }) => tenant))).toEqual(new Set(['acme']));
      expect(new Set(rows.map(({ correlation_id }) => correlation_id))).toEqual(new Set(['2026-11-20']));
    });

    it('makes a job that is done in a run part of it', async () => {
      expect(await application.run('inside.mjs', { env: surroundings() })).toMatchObject({ stderr: '' });
      const [run, step, job] = application.rows().slice(-3);
      expect([run?.name, step?.name, job?.name]).toEqual(['hourly', 'drain', 'sweep']);
      expect(job).toMatchObject({ kind: 'pipeline', parent: 'drain', run_id: run?.run_id });
    });

    it("records the jobs of the engine's own command", async () => {
      const env = surroundings();
      const tasks = join(application.path, 'tasks');
      await mkdir(tasks);
      await writeFile(
        join(tasks, 'archive.js'),
        "module.exports = ({ year }) => { if (year < 2000) throw new RangeError('too old'); };",
      );
      const enqueue = `
        import { quickAddJob } from 'graphile-worker';
        const { DATABASE_URL: connectionString, SCHEMA: schema } = process.env;
        for (const year of [2001, 1999]) await quickAddJob({ connectionString, schema }, 'archive', { year });`;
      await writeFile(join(application.path, 'enqueue.mjs'), enqueue);
      await application.run('enqueue.mjs', { env, plain: true });
      const command = await application.run('node_modules/graphile-worker/dist/cli.js', {
        node: ['--import', 'graphile-worker'],
        args: ['--once', '--connection', env.DATABASE_URL, '--schema', env.SCHEMA],
        env,
      });

      expect(command.exitCode).toBe(0);
      const archived = application.rows().filter(({ name }) => name === 'archive');
      expect(archived.map(({ outcome, error_message }) => [outcome, error_message])).toEqual([
        ['success', null],
        ['failure', 'too old'],
      ]);
    });
  });
});
