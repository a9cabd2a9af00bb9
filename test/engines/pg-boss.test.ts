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
import { hasPostgres, startPostgres } from '../support/postgres-server.ts';
import type { ProgramEnd } from '../support/program.ts';
import type { TestServer } from '../support/server-process.ts';

const SCENARIOS = ['work', 'retry', 'exhausted', 'batch', 'failedBatch', 'expired', 'chained', 'throttled'];
/** What the oldest one does not have: results by job, flows, and a signal that says a worker was stopped. */
const NEWER = ['perJob', 'flow', 'stopped'];
const FLOWS = ['extract, transform, store', 'validate, store'];
const PROGRAMS = ['application.mjs', 'application.cjs'];

let postgres: TestServer;
let schemas = 0;

/** The server, and a schema of the run's own. */
const surroundings = () => ({ DATABASE_URL: postgres.url, SCHEMA: `boss_${++schemas}` });

(hasPostgres ? describe : describe.skip)('pg-boss', () => {
  beforeAll(async () => {
    postgres = await startPostgres();
  }, INSTALL_MILLIS);
  afterAll(() => postgres?.dispose());

  describe.each(LANES.flatMap((lane) => PROGRAMS.map((program) => ({ ...lane, program }))))(
    'the $lane one in $program, unchanged',
    ({ program, ...lane }) => {
      const isNewest = lane.lane === 'newest';
      const args = isNewest ? [...SCENARIOS, ...NEWER] : SCENARIOS;
      let application: EngineApplication;
      let plain: ProgramEnd;
      let registered: ProgramEnd;
      let rows: readonly RecordedRow[];
      let spans: Readonly<Record<string, string>>;

      beforeAll(async () => {
        application = await createEngineApplication('pg-boss', lane);
        [plain, registered] = await Promise.all([
          application.run(program, { args, env: surroundings(), plain: true }),
          application.run(program, {
            args,
            env: { ...surroundings(), SPANS_FILE: 'spans.txt', RUNLEDGER_CAPTURE_INPUT: 'true' },
          }),
        ]);
        rows = application.rows();
        const lines = (await readFile(join(application.path, 'spans.txt'), 'utf8')).trim().split('\n');
        spans = Object.fromEntries(lines.map((line) => line.split('\t')));
      }, INSTALL_MILLIS);
      afterAll(() => application?.remove());

      const runs = (name: string) => rows.filter((row) => row.kind === 'pipeline' && row.name === name);
      const jobsOf = (name: string) =>
        rows
          .filter(({ kind, parent }) => kind === 'step' && parent === name)
          .map(({ name: step, outcome, error_type, error_message }) => [
            step,
            outcome,
            error_type,
            error_message,
          ]);

      it('behaves as it does without', () => {
        expect(registered).toEqual(plain);
        expect(plain).toMatchObject({ exitCode: 0, stderr: '' });
      });

      it('has a pipeline for each job, on the span of the engine where there is one', () => {
        const [mail, ...others] = runs('mail');
        expect(others).toEqual([]);
        expect(mail).toMatchObject({ outcome: 'success', parent: null, input: '{"to":"ada"}' });
        const attributes = JSON.parse(String(mail?.attributes));
        expect(attributes).toMatchObject({
          'runledger.engine': 'pg-boss',
          'messaging.message.id': mail?.correlation_id,
        });
        expect(attributes['messaging.operation.type']).toBe(isNewest ? 'process' : undefined);
        expect(spans['of mail']).toBe(mail?.span_id);
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
          [1, 0, 'failure', 'RangeError', 'try 0'],
          [2, 0, 'failure', 'RangeError', 'try 1'],
          [3, 1, 'success', null, null],
        ]);
        expect(new Set(runs('import').map(({ correlation_id }) => correlation_id)).size).toBe(1);
      });

      it('ends with what the handler threw', () => {
        expect(runs('charge')).toEqual([
          expect.objectContaining({
            outcome: 'failure',
            error_type: 'TypeError',
            error_message: 'card declined',
            error_code: 'E402',
          }),
        ]);
      });

      it('has a step for each job of a batch', () => {
        expect(runs('index')).toEqual([
          expect.objectContaining({ outcome: 'success', span_id: spans['of index'] }),
        ]);
        expect(jobsOf('index')).toEqual(Array(3).fill(['job', 'success', null, null]));
      });

      it('fails every job of a batch whose handler threw', () => {
        expect(runs('publish')).toEqual([
          expect.objectContaining({
            outcome: 'failure',
            failed_step: 'job',
            error_message: 'bucket is gone',
          }),
        ]);
        expect(jobsOf('publish')).toEqual(Array(2).fill(['job', 'failure', 'Error', 'bucket is gone']));
      });

      it('ends as a timeout when the time of a handler is over, although it still runs', () => {
        const [slow] = runs('slow');
        expect(slow).toMatchObject({ outcome: 'timeout', error_message: 'handler execution exceeded 1s' });
        expect(slow?.duration_ms).toBeLessThan(2_000);
      });

      it('has a job that is sent too often as a rejection, and the sender its answer', () => {
        expect(plain.stdout).toContain('throttled true,false,false,true\n');
        expect(
          runs('digest').map(({ outcome, rejection_reason, rejection_detail }) => [
            outcome,
            rejection_reason,
            JSON.parse(String(rejection_detail)).detail,
          ]),
        ).toEqual(Array(2).fill(['rejection', 'rate_limit', 'one job in 86400 s']));
      });

      it('has a job that is sent by another one in its run, where the engine can carry it', () => {
        const [first] = runs('first');
        const [second] = runs('second');
        expect(second).toMatchObject({ outcome: 'success', span_id: spans['of second'] });
        expect(second?.parent).toBe(isNewest ? 'first' : null);
        expect(second?.run_id === first?.run_id).toBe(isNewest);
        expect(second?.trace_id === first?.trace_id).toBe(isNewest);
      });

      if (isNewest) {
        it('ends each job of a batch as its handler says', () => {
          expect(runs('pay')).toEqual([
            expect.objectContaining({ outcome: 'success', recovered_failures: 1 }),
          ]);
          expect(jobsOf('pay').sort()).toEqual([
            ['job', 'failure', 'RangeError', 'no funds'],
            ['job', 'success', null, null],
            ['job', 'success', null, null],
          ]);
        });

        it('has a flow as a pipeline of processes, which ends with its last job', () => {
          const [flow, ...others] = runs('extract, transform, store');
          expect(others).toEqual([]);
          expect(flow).toMatchObject({
            state: 'ended',
            outcome: 'success',
            parent: null,
            error_message: null,
          });
          const jobs = rows.filter(({ run_id, kind }) => run_id === flow?.run_id && kind === 'process');
          expect(jobs.map(({ name, outcome, parent }) => [name, outcome, parent])).toEqual([
            ['extract', 'success', flow?.name],
            ['transform', 'failure', flow?.name],
            ['transform', 'success', flow?.name],
            ['store', 'success', flow?.name],
          ]);
          const last = jobs.at(-1);
          expect(last?.span_id).toBe(spans['of store']);
          expect(flow?.ended_at).toBeGreaterThanOrEqual(Number(last?.started_at));
          expect(flow?.trace_id).toBe(last?.trace_id);
        });

        it('fails a flow with the job that fails for good', () => {
          expect(runs('validate, store')).toEqual([
            expect.objectContaining({
              state: 'ended',
              outcome: 'failure',
              error_type: 'TypeError',
              error_message: '3 columns are missing',
            }),
          ]);
        });

        it('ends as an error of the system what a stopped worker leaves behind', () => {
          expect(runs('endless')).toEqual([expect.objectContaining({ outcome: 'error' })]);
        });
      }

      it('has nothing else', () => {
        const pipelines = ['mail', 'import', 'import', 'import', 'charge', 'index', 'publish', 'slow'];
        pipelines.push(
          'digest',
          'digest',
          'first',
          'second',
          ...(isNewest ? ['pay', 'endless', ...FLOWS] : []),
        );
        expect(
          rows
            .filter(({ kind }) => kind === 'pipeline')
            .map(({ name }) => name)
            .sort(),
        ).toEqual(pipelines.sort());
      });
    },
  );

  describe.each(LANES)('the $lane one, with a producer of its own', (lane) => {
    it(
      'joins the run of the producer, where the engine can carry it',
      async () => {
        const application = await createEngineApplication('pg-boss', lane);
        const env = surroundings();
        const producer = await application.run('producer.mjs', { env });
        const worker = await application.run('application.mjs', { args: ['drain'], env });
        const rows = application.rows();
        await application.remove();

        const isNewest = lane.lane === 'newest';
        expect(producer).toMatchObject({ exitCode: 0, stderr: '' });
        expect(worker.stdout).toContain('drain customers,orders\n');
        const parent = isNewest ? 'enqueue' : null;
        expect(rows.map(({ kind, name, outcome, parent: above }) => [kind, name, outcome, above])).toEqual([
          ['pipeline', 'nightly', 'success', null],
          ['step', 'enqueue', 'success', 'nightly'],
          ['pipeline', 'load', 'success', parent],
          ['pipeline', 'load', 'failure', parent],
        ]);
        const runIds = new Set(rows.map(({ run_id }) => run_id));
        expect(runIds.size).toBe(isNewest ? 1 : 3);
        expect(rows.at(-1)?.tenant).toBe(isNewest ? 'acme' : null);
      },
      INSTALL_MILLIS,
    );
  });
});
