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

const SCENARIOS = ['work', 'callback', 'retry', 'exhausted', 'expired', 'byHand'];
const PROGRAMS = ['application.mjs', 'application.cjs'];

let postgres: TestServer;
let tables = 0;

/** The server, and a table of the run's own. */
const surroundings = () => ({ DATABASE_URL: postgres.url, SCHEMA: `agenda_${++tables}` });

(hasPostgres ? describe : describe.skip)('agenda', () => {
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
        application = await createEngineApplication('agenda', lane);
        [plain, registered] = await Promise.all([
          application.run(program, { args: SCENARIOS, env: surroundings(), plain: true }),
          application.run(program, {
            args: SCENARIOS,
            env: { ...surroundings(), SPANS_FILE: 'spans.txt', RUNLEDGER_CAPTURE_INPUT: 'true' },
          }),
        ]);
        rows = application.rows();
        const lines = (await readFile(join(application.path, 'spans.txt'), 'utf8')).trim().split('\n');
        spans = Object.fromEntries(lines.map((line) => line.split('\t')));
      }, INSTALL_MILLIS);
      afterAll(() => application?.remove());

      const runs = (name: string) => rows.filter((row) => row.kind === 'pipeline' && row.name === name);
      const attempts = (name: string) =>
        runs(name).map(({ attempt, final, outcome, error_type, error_message }) => [
          attempt,
          final,
          outcome,
          error_type,
          error_message,
        ]);

      it('behaves as it does without', () => {
        expect(registered).toEqual(plain);
        expect(plain).toMatchObject({ exitCode: 0, stderr: '' });
      });

      it('has a pipeline for each run of a job, with its wait and its input', () => {
        expect(runs('mail')).toEqual([
          expect.objectContaining({
            outcome: 'success',
            parent: null,
            span_id: spans['of mail'],
            wait_ms: expect.any(Number),
            input: '{"to":"ada"}',
            attributes: expect.stringContaining('"runledger.engine":"agenda"'),
          }),
        ]);
      });

      it('fails with what the function hands back', () => {
        expect(attempts('report')).toEqual([[1, null, 'failure', 'RangeError', 'no rows']]);
      });

      it('has an execution for each attempt, final where no other follows', () => {
        expect(attempts('import')).toEqual([
          [1, 0, 'failure', 'RangeError', 'try 1'],
          [2, 0, 'failure', 'RangeError', 'try 2'],
          [3, null, 'success', null, null],
        ]);
        expect(attempts('charge')).toEqual([
          [1, 0, 'failure', 'TypeError', 'card declined'],
          [2, 1, 'failure', 'TypeError', 'card declined'],
        ]);
        expect(new Set(runs('import').map(({ correlation_id }) => correlation_id)).size).toBe(1);
      });

      it('ends as a timeout when its lock expires, although it still runs', () => {
        const [slow] = runs('slow');
        expect(slow).toMatchObject({ outcome: 'timeout' });
        expect(slow?.error_message).toContain('execution took more than 100ms');
      });

      it('has one that is run by hand', () => {
        expect(runs('sweep')).toEqual([expect.objectContaining({ outcome: 'success' })]);
      });

      it('has nothing else', () => {
        const names = ['mail', 'report', 'import', 'import', 'import', 'charge', 'charge', 'sweep'];
        const others = rows.map(({ name }) => name).filter((name) => name !== 'slow');
        expect(others.sort()).toEqual(names.sort());
      });
    },
  );

  it.each(LANES)(
    'joins the run that enqueued a job in another process: the $lane one',
    async (lane) => {
      const application = await createEngineApplication('agenda', lane);
      const env = surroundings();
      const producer = await application.run('separate.mjs', { args: ['produce'], env });
      const worker = await application.run('separate.mjs', { env });
      const rows = application.rows();
      await application.remove();

      expect(producer).toMatchObject({ exitCode: 0, stderr: '' });
      expect(worker).toMatchObject({ exitCode: 0, stdout: 'orders\n' });
      expect(rows.map(({ kind, name, outcome, parent }) => [kind, name, outcome, parent])).toEqual([
        ['pipeline', 'nightly', 'success', null],
        ['step', 'enqueue', 'success', 'nightly'],
        ['pipeline', 'load', 'success', 'enqueue'],
      ]);
      expect(new Set(rows.map(({ run_id }) => run_id)).size).toBe(1);
    },
    INSTALL_MILLIS,
  );
});
