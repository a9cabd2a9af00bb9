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
  'tools',
  'retry',
  'exhausted',
  'failure',
  'stream',
  'broken',
  'aborted',
  'denied',
  'agent',
  'embed',
  'silent',
  'secret',
];

const described = (rows: readonly RecordedRow[]) =>
  rows.map(({ kind, name, outcome, parent }) => `${parent ?? ''} > ${kind} ${name}: ${outcome}`).sort();

describe.each(LANES.flatMap((lane) => ['mjs', 'cjs'].map((module) => ({ ...lane, module }))))(
  'the $lane AI SDK beside SDK $sdk in a .$module program, unchanged',
  ({ module, ...lane }) => {
    let application: EngineApplication;
    let plain: ProgramEnd;
    let registered: ProgramEnd;
    let rows: readonly RecordedRow[];
    let spans: readonly (readonly string[])[];

    beforeAll(async () => {
      application = await createEngineApplication('ai-sdk', lane);
      const program = `application.${module}`;
      plain = await application.run(program, { args: SCENARIOS, plain: true });
      registered = await application.run(program, { args: SCENARIOS, env: { SPANS_FILE: 'spans.txt' } });
      rows = application.rows();
      const lines = (await readFile(join(application.path, 'spans.txt'), 'utf8')).trim().split('\n');
      spans = lines.map((line) => line.split('\t'));
    }, INSTALL_MILLIS);
    afterAll(() => application.remove());

    const runOf = (pipeline: string) => rows.filter((row) => row.pipeline === pipeline);
    const run = (pipeline: string) => runOf(pipeline).find(({ kind }) => kind === 'pipeline');
    const steps = (pipeline: string, name: string) =>
      runOf(pipeline).filter((row) => row.name === name && row.kind !== 'pipeline');
    const spansOf = (name: string) => spans.filter(([each]) => each === name).map(([, id]) => id);

    it('behaves as it does without', () => {
      expect(registered).toEqual(plain);
      expect(plain).toMatchObject({ exitCode: 0, stderr: '' });
      expect(plain.stdout).toContain('stream It is noon.\n');
    });

    it('is a pipeline of steps, each a process with the call of a model and those of tools', () => {
      expect(described(runOf('forecast'))).toEqual(
        [
          ' > pipeline forecast: success',
          'forecast > process step 1: success',
          'step 1 > step mini: success',
          'step 1 > step weather: success',
          'forecast > process step 2: success',
          'step 2 > step mini: success',
          'step 2 > step weather: failure',
          'forecast > process step 3: success',
          'step 3 > step mini: success',
        ].sort(),
      );
      expect(run('forecast')?.attributes).toContain('"runledger.engine":"ai-sdk"');
    });

    it('has spans made in a tool, and in a model, below its step', () => {
      const ids = steps('forecast', 'weather').map(({ span_id }) => span_id);
      expect([...spansOf('of Bern'), ...spansOf('of Atlantis')].sort()).toEqual(ids.sort());
      expect(spansOf('of mini').sort()).toEqual(
        steps('forecast', 'mini')
          .map(({ span_id }) => span_id)
          .sort(),
      );
      expect(spansOf('of clock')).toEqual(steps('stream', 'clock').map(({ span_id }) => span_id));
    });

    it('fails a tool whose error the model was told, and recovers', () => {
      const failed = steps('forecast', 'weather').find(({ outcome }) => outcome === 'failure');
      expect(failed).toMatchObject({ error_type: 'RangeError', error_message: 'no such town' });
      expect(steps('forecast', 'step 2')).toMatchObject([{ outcome: 'success', recovered_failures: 1 }]);
    });

    it('counts the tokens of each answer once', () => {
      expect(
        steps('forecast', 'mini').map((row) => [row.tokens_in, row.tokens_out, row.tokens_cache_read]),
      ).toEqual([1, 2, 3].map(() => [11, 7, 4]));
      const streamed = runOf('stream').filter(({ tokens_in }) => tokens_in !== null);
      expect(streamed.map(({ name }) => name).sort()).toEqual(['step 1', 'step 2']);
      expect(streamed.map((row) => [row.tokens_in, row.tokens_out])).toEqual([1, 2].map(() => [11, 7]));
    });

    it('has an execution for each attempt to call a model', () => {
      const attempts = (pipeline: string) =>
        steps(pipeline, 'mini')
          .map(({ attempt, final, outcome }) => [attempt, final, outcome])
          .sort();
      expect(attempts('retry')).toEqual([
        [1, 0, 'failure'],
        [2, 0, 'success'],
      ]);
      expect(run('retry')).toMatchObject({ outcome: 'success', failed_step: null });
      expect(attempts('exhausted')).toEqual([
        [1, 0, 'failure'],
        [2, 1, 'failure'],
      ]);
      expect(run('exhausted')).toMatchObject({
        outcome: 'failure',
        error_type: 'AI_RetryError',
        failed_step: 'mini',
      });
    });

    it('names the model a failure started at, also where a stream broke', () => {
      expect(run('failure')).toMatchObject({ error_type: 'TypeError', failed_step: 'mini' });
      expect(described(runOf('broken'))).toEqual([
        ' > pipeline broken: failure',
        'broken > process step 1: failure',
        'step 1 > step mini: failure',
      ]);
      expect(run('broken')).toMatchObject({
        error_type: 'TypeError',
        error_message: 'no stream today',
        failed_step: 'mini',
      });
    });

    it('is cancelled where a stream is aborted', () => {
      expect(run('aborted')?.outcome).toBe('cancellation');
      expect(steps('aborted', 'step 1')).toMatchObject([{ outcome: 'cancellation' }]);
    });

    it('has a rejection for a tool that may not be called', () => {
      expect(steps('denied', 'clock')).toMatchObject([
        {
          parent: 'step 1',
          outcome: 'rejection',
          rejection_reason: 'policy',
          rejection_detail: '{"detail":"nobody asks for the time"}',
        },
      ]);
      expect(run('denied')).toMatchObject({ outcome: 'success', failed_step: null });
    });

    it('is a pipeline for an agent too', () => {
      expect(described(runOf('agent'))).toHaveLength(3);
    });

    it('records nothing of a call whose telemetry is off, and no text of one that wants none recorded', () => {
      expect(runOf('silent')).toEqual([]);
      expect(described(runOf('secret'))).toEqual([
        ' > pipeline secret: failure',
        'secret > process step 1: failure',
        'step 1 > step mini: failure',
      ]);
      expect(JSON.stringify(rows)).not.toContain('between us');
    });

    it('leaves no run open', () => {
      expect(rows.filter(({ state }) => state !== 'ended')).toEqual([]);
    });

    it('is a step for embeddings, which the SDK publishes since a later 7', () => {
      const expected = lane.lane === 'newest' ? [{ kind: 'step', tokens_in: 6 }] : [];
      expect(rows.filter(({ name }) => name === 'embed')).toMatchObject(expected);
    });
  },
);
