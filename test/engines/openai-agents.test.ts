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
  'failure',
  'broken',
  'handoff',
  'atOnce',
  'stream',
  'brokenStream',
  'approval',
  'guarded',
  'disabled',
];
const HOUR = 3_600_000;
const MINUTE = 60_000;

const described = (rows: readonly RecordedRow[]) =>
  rows.map(({ kind, name, outcome, parent }) => `${parent ?? ''} > ${kind} ${name}: ${outcome}`).sort();

describe.each(LANES.flatMap((lane) => ['mjs', 'cjs'].map((module) => ({ ...lane, module }))))(
  'the $lane OpenAI Agents SDK beside SDK $sdk in a .$module program, unchanged',
  ({ module, ...lane }) => {
    // Turns are spans of newer versions alone: before, what a turn does belongs to its agent.
    const hasTurns = lane.lane === 'newest';
    let application: EngineApplication;
    let plain: ProgramEnd;
    let registered: ProgramEnd;
    let rows: readonly RecordedRow[];
    let spans: readonly (readonly string[])[];

    beforeAll(async () => {
      application = await createEngineApplication('openai-agents', lane);
      const program = `application.${module}`;
      // In tests the SDK traces nothing.
      const env = { NODE_ENV: 'production' };
      plain = await application.run(program, { args: SCENARIOS, env, plain: true });
      registered = await application.run(program, {
        args: SCENARIOS,
        env: { ...env, SPANS_FILE: 'spans.txt' },
      });
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
    const turn = (agent: string, number: number) => (hasTurns ? `turn ${number}` : agent);
    const turns = (agent: string, outcomes: readonly string[]) =>
      hasTurns ? outcomes.map((outcome, at) => `${agent} > process turn ${at + 1}: ${outcome}`) : [];

    it('behaves as it does without', () => {
      expect(registered).toEqual(plain);
      expect(plain).toMatchObject({ exitCode: 0, stderr: '' });
      expect(plain.stdout).toContain('approval done,done\n');
    });

    it('is a pipeline of agents and their turns, with models and tools as steps', () => {
      expect(described(runOf('Agent workflow'))).toEqual(
        [
          ' > pipeline Agent workflow: success',
          'Agent workflow > process helper: success',
          ...turns('helper', ['success', 'success']),
          `${turn('helper', 1)} > step mini: success`,
          `${turn('helper', 1)} > step sun: success`,
          `${turn('helper', 1)} > step rain: failure`,
          `${turn('helper', 2)} > step mini: success`,
        ].sort(),
      );
      expect(run('Agent workflow')?.attributes).toContain('"runledger.engine":"openai-agents"');
    });

    it('has spans made in tools, models and custom spans below their steps, and leaves none behind', () => {
      expect(spansOf('of sun')).toEqual([steps('Agent workflow', 'sun')[0]?.span_id]);
      expect(spansOf('of model').sort()).toEqual(
        steps('Agent workflow', 'mini')
          .map(({ span_id }) => span_id)
          .sort(),
      );
      expect(spansOf('of prepare')).toEqual([steps('handoff', 'prepare')[0]?.span_id]);
      for (const side of ['left', 'right']) {
        expect(spansOf(`of ${side}`)).toEqual([steps(side, `look_${side}`)[0]?.span_id]);
      }
      expect(spansOf('of clock')).toEqual([steps('stream', 'clock')[0]?.span_id]);
      expect(spansOf('of nobody')).toEqual(['undefined']);
    });

    it('names the tool or the model a failure started at', () => {
      expect(run('failure')).toMatchObject({
        outcome: 'failure',
        error_type: 'ToolCallError',
        failed_step: 'hard',
      });
      expect(steps('failure', 'hard')).toMatchObject([{ outcome: 'failure', error_message: 'no such town' }]);
      expect(run('broken')).toMatchObject({ error_type: 'TypeError', failed_step: 'mini' });
      expect(run('brokenStream')).toMatchObject({
        outcome: 'failure',
        error_type: 'TypeError',
        error_message: 'no stream today',
        failed_step: turn('helper', 1),
      });
    });

    it('has all runs of a trace in one pipeline, under the conversation they belong to', () => {
      expect(described(runOf('handoff'))).toEqual(
        [
          ' > pipeline handoff: success',
          'handoff > step prepare: success',
          'handoff > process first: success',
          'handoff > process second: success',
          ...(hasTurns ? ['first > process turn 1: success', 'second > process turn 2: success'] : []),
          `${turn('first', 1)} > step mini: success`,
          `${turn('first', 1)} > step handoff: success`,
          `${turn('second', 2)} > step mini: success`,
        ].sort(),
      );
      expect(run('handoff')?.correlation_id).toBe('talk-7');
    });

    it('counts the tokens of each answer once', () => {
      const tokens = runOf('Agent workflow').filter(({ tokens_in }) => tokens_in !== null);
      expect(tokens.map(({ name, tokens_in, tokens_out }) => [name, tokens_in, tokens_out])).toEqual([
        ['mini', 11, 7],
        ['mini', 11, 7],
      ]);
      const streamed = runOf('stream').filter(({ tokens_in }) => tokens_in !== null);
      expect(streamed.map(({ name, tokens_in }) => [name, tokens_in])).toEqual(
        hasTurns ? ['turn 1', 'turn 2'].map((name) => [name, 11]) : [],
      );
    });

    it('is suspended while a tool waits for approval, also where its state was written down', () => {
      for (const pipeline of ['approval kept', 'approval written']) {
        const pipelines = runOf(pipeline).filter(({ kind }) => kind === 'pipeline');
        expect(pipelines).toMatchObject([{ outcome: 'success', interrupt_count: 1 }]);
        const suspended = Number(pipelines[0]?.suspended_ms);
        expect(suspended).toBeGreaterThanOrEqual(HOUR);
        expect(suspended).toBeLessThan(HOUR + MINUTE);
        expect(steps(pipeline, 'pay')).toMatchObject([{ outcome: 'success' }]);
      }
    });

    it('is rejected where a guardrail lets the input not in', () => {
      expect(run('guarded')).toMatchObject({ outcome: 'rejection', rejection_reason: 'policy' });
      expect(steps('guarded', 'no secrets')).toMatchObject([{ outcome: 'rejection' }]);
      expect(runOf('guarded').filter(({ outcome }) => outcome === 'failure')).toEqual([]);
    });

    it('records nothing where tracing is switched off', () => {
      // Version 0.4 traces a run whose tracing is off all the same.
      expect(runOf('disabled')).toHaveLength(hasTurns ? 0 : 3);
    });

    it('leaves no run open', () => {
      expect(rows.filter(({ state }) => state !== 'ended')).toEqual([]);
    });
  },
);

describe.each(LANES)(
  'a run of the $lane OpenAI Agents SDK that every approval finds another process for',
  (lane) => {
    it(
      'is one run, and what travels with its state is not told the processors of its trace',
      async () => {
        const application = await createEngineApplication('openai-agents', lane);
        const outputs = [];
        let state: readonly string[] = [];
        for (const turn of ['1', '2', '3']) {
          const { stdout } = await application.run('handed-over.mjs', {
            args: [turn, ...state],
            env: { NODE_ENV: 'production' },
          });
          const { told, asks, state: written } = JSON.parse(stdout);
          outputs.push([told, asks]);
          state = [written];
        }
        const rows = application.rows();
        await application.remove();

        const told = [{ customer: 'ada' }];
        expect(outputs).toEqual([
          [told, 1],
          [told, 1],
          [told, 0],
        ]);
        const steps = rows.filter(({ kind }) => kind === 'step').map(({ name }) => name);
        expect(steps).toEqual(['mini', 'pay', 'mini', 'pay', 'mini']);
        const runs = rows.filter(({ kind }) => kind === 'pipeline');
        expect(runs).toMatchObject([{ name: 'payment', outcome: 'success', interrupt_count: 2 }]);
        expect(new Set(rows.map(({ run_id }) => run_id)).size).toBe(1);
        expect(rows.filter((row) => row.state !== 'ended')).toEqual([]);
      },
      INSTALL_MILLIS,
    );
  },
);
