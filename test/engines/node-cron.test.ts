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

const SCENARIOS = ['due', 'invoked', 'failed', 'file'];
/** Options and events the oldest one does not have, or does not hand on. */
const NEWER = ['brokenFile', 'refused', 'elected'];
const PROGRAMS = ['application.mjs', 'application.cjs'];

describe.each(LANES.flatMap((lane) => PROGRAMS.map((program) => ({ ...lane, program }))))(
  'the $lane node-cron in $program, unchanged',
  ({ program, ...lane }) => {
    const isNewest = lane.lane === 'newest';
    const args = isNewest ? [...SCENARIOS, ...NEWER] : SCENARIOS;
    let application: EngineApplication;
    let plain: ProgramEnd;
    let registered: ProgramEnd;
    let rows: readonly RecordedRow[];
    let spans: Readonly<Record<string, string>>;

    beforeAll(async () => {
      application = await createEngineApplication('node-cron', lane);
      [plain, registered] = await Promise.all([
        application.run(program, { args, plain: true }),
        application.run(program, { args, env: { SPANS_FILE: 'spans.txt' } }),
      ]);
      rows = application.rows();
      const lines = (await readFile(join(application.path, 'spans.txt'), 'utf8')).trim().split('\n');
      spans = Object.fromEntries(lines.map((line) => line.split('\t')));
    }, INSTALL_MILLIS);
    afterAll(() => application?.remove());

    const runs = (name: string) => rows.filter((row) => row.name === name);

    it('behaves as it does without, and warns of what it warned of', () => {
      expect(registered).toEqual(plain);
      expect(plain).toMatchObject({ exitCode: 0, stderr: '' });
      if (isNewest) expect(plain.stdout).toContain('refused still running,missed\n');
    });

    it('has a pipeline for each time a task is due, named after its function', () => {
      const [sweep] = runs('sweep');
      expect(sweep).toMatchObject({ kind: 'pipeline', outcome: 'success', parent: null });
      expect(sweep?.wait_ms).toBeGreaterThanOrEqual(0);
      expect(sweep?.attributes).toContain('"node_cron.expression":"* * * * * *"');
      expect(runs('sweep').map(({ span_id }) => span_id)).toContain(spans['of sweep']);
    });

    it('has one that is asked for, and one that fails, named after the expression', () => {
      expect(runs('0 3 * * *')).toEqual([expect.objectContaining({ outcome: 'success', wait_ms: null })]);
      expect(runs('30 4 * * *')).toEqual([
        expect.objectContaining({ outcome: 'failure', error_type: 'RangeError', error_message: 'disk full' }),
      ]);
    });

    it('finds a task that is a file where the application means it, and records what is told of it', () => {
      expect(plain.stdout).toContain('file saved\n');
      expect(runs('backup-task.cjs')[0]).toMatchObject({ kind: 'pipeline', outcome: 'success' });
    });

    if (isNewest) {
      it('has the error of a task that is a file', () => {
        expect(runs('broken-task.cjs')[0]).toMatchObject({
          outcome: 'failure',
          error_type: 'TypeError',
          error_message: 'no such bucket',
        });
      });

      it('has a rejection where a run would overlap another, or was missed', () => {
        const refused = (name: string) =>
          runs(name)
            .filter(({ outcome }) => outcome === 'rejection')
            .map(({ rejection_reason, rejection_detail }) => [
              rejection_reason,
              JSON.parse(String(rejection_detail)).detail,
            ]);
        expect(refused('slow')[0]).toEqual(['policy', 'the run before has not ended']);
        expect(refused('busy')[0]).toEqual(['capacity_limit', 'missed: the process was busy']);
        expect(runs('busy').map(({ outcome }) => outcome)).toContain('success');
      });

      it('skips what another instance does', () => {
        expect(runs('elected')[0]).toMatchObject({ outcome: 'skip', skip_reason: 'not-elected' });
      });
    }
  },
);
