import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import {
  createEngineApplication,
  type EngineApplication,
  LANES,
  type Lane,
  type RecordedRow,
} from '../support/engine-application.ts';
import { INSTALL_MILLIS } from '../support/fixture-project.ts';
import type { ProgramEnd } from '../support/program.ts';

const SCENARIOS = [
  'tree',
  'retry',
  'exhausted',
  'failure',
  'send',
  'tokens',
  'approval',
  'breakpoint',
  'again',
  'superseded',
  'drained',
  'functional',
  'left',
  'aborted',
  'late',
  'limited',
  'endless',
  'lost',
  'unnamed',
];
const [NEWEST] = LANES as readonly [Lane, Lane];
const HOUR = 3_600_000;
const MINUTE = 60_000;

const described = (rows: readonly RecordedRow[]) =>
  rows.map(({ kind, name, outcome, parent }) => `${parent ?? ''} > ${kind} ${name}: ${outcome}`).sort();
const runOf = (rows: readonly RecordedRow[], pipeline: string) =>
  rows.filter((row) => row.pipeline === pipeline);

describe.each(LANES.flatMap((lane) => ['mjs', 'cjs'].map((module) => ({ ...lane, module }))))(
  'the $lane LangGraph beside SDK $sdk in a .$module program, unchanged',
  ({ module, ...lane }) => {
    let application: EngineApplication;
    let plain: ProgramEnd;
    let registered: ProgramEnd;
    let rows: readonly RecordedRow[];
    let spans: readonly (readonly string[])[];

    beforeAll(async () => {
      application = await createEngineApplication('langgraph', lane);
      const program = `application.${module}`;
      plain = await application.run(program, { args: SCENARIOS, plain: true });
      registered = await application.run(program, { args: SCENARIOS, env: { SPANS_FILE: 'spans.txt' } });
      rows = application.rows();
      const lines = (await readFile(join(application.path, 'spans.txt'), 'utf8')).trim().split('\n');
      spans = lines.map((line) => line.split('\t'));
    }, INSTALL_MILLIS);
    afterAll(() => application.remove());

    const run = (pipeline: string) => runOf(rows, pipeline).find(({ kind }) => kind === 'pipeline');
    const steps = (pipeline: string, name: string) =>
      runOf(rows, pipeline).filter((row) => row.name === name && row.kind !== 'pipeline');
    const spansOf = (name: string) => spans.filter(([each]) => each === name).map(([, id]) => id);

    it('behaves as it does without', () => {
      expect(registered).toEqual(plain);
      expect(plain).toMatchObject({ exitCode: 0, stderr: '' });
      expect(plain.stdout).toContain('approval approve tomorrow 0\n');
    });

    it('is a pipeline of nodes, and of processes where a node runs a graph of its own', () => {
      expect(described(runOf(rows, 'etl'))).toEqual(
        [
          ' > pipeline etl: success',
          'etl > step extract: success',
          'etl > process transform: success',
          'transform > step parse: success',
          'transform > step clean: success',
          'etl > step load: success',
          'etl > process report: success',
          'report > step parse: success',
          'report > step clean: success',
        ].sort(),
      );
      expect(run('etl')?.attributes).toContain('"runledger.engine":"langgraph"');
    });

    it('has spans made in a node below its step, also where nodes run at once', () => {
      expect(spansOf('of extract')).toEqual(steps('etl', 'extract').map(({ span_id }) => span_id));
      expect(spansOf('of clean')).toEqual(steps('etl', 'clean').map(({ span_id }) => span_id));
      const pages = [1, 2, 3].flatMap((page) => spansOf(`of page ${page}`)).sort();
      expect(pages).toEqual(
        steps('send', 'page')
          .map(({ span_id }) => span_id)
          .sort(),
      );
      expect(new Set(pages).size).toBe(3);
    });

    it('has an execution for each attempt, and a retry that succeeds leaves the run a success', () => {
      const attempts = steps('retry', 'download');
      expect(
        attempts.map(({ attempt, final, outcome, error_message }) => [
          attempt,
          final,
          outcome,
          error_message,
        ]),
      ).toEqual([
        [1, 0, 'failure', 'try 1'],
        [2, 0, 'failure', 'try 2'],
        [3, 1, 'success', null],
      ]);
      expect(run('retry')).toMatchObject({ outcome: 'success', recovered_failures: 2, failed_step: null });
    });

    it('fails with the last attempt', () => {
      expect(steps('exhausted', 'download').map(({ attempt, final }) => [attempt, final])).toEqual([
        [1, 0],
        [2, 1],
      ]);
      expect(run('exhausted')).toMatchObject({
        outcome: 'failure',
        failed_step: 'download',
        error_type: 'RangeError',
        error_message: 'no route',
      });
    });

    it('names the node a failure started at, through the graph it is in', () => {
      expect(described(runOf(rows, 'failure'))).toEqual([
        ' > pipeline failure: failure',
        'failure > process transform: failure',
        'transform > step join: failure',
        'transform > step parse: success',
      ]);
      expect(run('failure')).toMatchObject({ failed_step: 'join', error_type: 'TypeError' });
    });

    it('counts the tokens of a model where it was called', () => {
      expect(steps('tokens', 'plan')).toMatchObject([{ tokens_in: 16, tokens_out: 9, tokens_cache_read: 4 }]);
      expect(steps('tokens', 'say')).toMatchObject([{ tokens_in: 3, tokens_out: 1 }]);
      expect(run('tokens')?.tokens_in).toBeNull();
    });

    it('is suspended for the hours it waits for people, and no failure', () => {
      const [pipeline, approve, publish] = [
        run('approval'),
        steps('approval', 'approve'),
        steps('approval', 'publish'),
      ];
      expect(described(runOf(rows, 'approval'))).toEqual(
        [
          ' > pipeline approval: success',
          'approval > step draft: success',
          'approval > process approve: success',
          'approve > step review: failure',
          'approve > step review: success',
          'approval > step publish: success',
        ].sort(),
      );
      expect(pipeline).toMatchObject({ interrupt_count: 2, failed_step: null, correlation_id: 'order-17' });
      expect(approve).toMatchObject([{ interrupt_count: 1, recovered_failures: 1 }]);
      expect(publish).toMatchObject([{ interrupt_count: 1 }]);
      const review = steps('approval', 'review').find(({ attempt }) => attempt === 2);
      for (const [row, hours] of [
        [pipeline, 3],
        [approve[0], 1],
        [review, 1],
        [publish[0], 2],
      ] as const) {
        const suspended = Number(row?.suspended_ms);
        expect(suspended).toBeGreaterThanOrEqual(hours * HOUR);
        expect(suspended).toBeLessThan(hours * HOUR + MINUTE);
        expect(Number(row?.duration_ms)).toBeGreaterThanOrEqual(suspended);
      }
    });

    it('has the checkpoints of a thread as moments of its run', () => {
      expect(run('approval')?.checkpoint_count).toBeGreaterThanOrEqual(4);
      expect(run('etl')?.checkpoint_count).toBeNull();
    });

    it('goes on after a breakpoint with the same run', () => {
      expect(described(runOf(rows, 'breakpoint'))).toEqual([
        ' > pipeline breakpoint: success',
        'breakpoint > step act: success',
        'breakpoint > step plan: success',
      ]);
      expect(run('breakpoint')?.interrupt_count).toBe(1);
    });

    it('goes on with the same run after a deployment it was drained for, where the engine can', () => {
      const expected = [
        ' > pipeline drained: success',
        'drained > step after: success',
        'drained > step before: success',
      ];
      expect(described(runOf(rows, 'drained'))).toEqual(lane.lane === 'newest' ? expected : []);
    });

    it('is another attempt of a run that failed where its thread is gone on with', () => {
      const runs = runOf(rows, 'again').filter(({ kind }) => kind === 'pipeline');
      expect(runs.map(({ attempt, outcome }) => [attempt, outcome])).toEqual([
        [1, 'failure'],
        [2, 'success'],
      ]);
      expect(new Set(runs.map(({ run_id }) => run_id)).size).toBe(2);
    });

    it('gives up a run that waits where its thread gets new input', () => {
      expect(described(runOf(rows, 'superseded'))).toEqual([
        ' > pipeline superseded: cancellation',
        ' > pipeline superseded: success',
        'superseded > step ask: cancellation',
        'superseded > step ask: success',
      ]);
    });

    it('is a pipeline of tasks where a workflow is written as functions', () => {
      expect(described(runOf(rows, 'workflow'))).toEqual(
        [
          ' > pipeline workflow: success',
          'workflow > process both: success',
          'both > step fetchPage: failure',
          'both > step fetchPage: success',
          'both > step fetchPage: success',
          'workflow > step fetchPage: success',
        ].sort(),
      );
      expect(spansOf('of workflow')).toEqual([run('workflow')?.span_id]);
      expect(spansOf('of fetch 3')).toEqual([
        steps('workflow', 'fetchPage').find(({ parent }) => parent === 'workflow')?.span_id,
      ]);
    });

    it('tells a run that was left or aborted from one that ran out of time', () => {
      expect(['left', 'aborted', 'late'].map((pipeline) => run(pipeline)?.outcome)).toEqual([
        'cancellation',
        'cancellation',
        'timeout',
      ]);
      expect(steps('aborted', 'slow')).toMatchObject([{ outcome: 'cancellation' }]);
      expect(run('late')?.failed_step).toBe('slow');
    });

    it('has a timeout for a node whose own limit was over, whether it obeyed, and whatever came of it', () => {
      const found = ['obeying', 'deaf'].flatMap((name) => steps('limited', name));
      expect(found.map(({ attempt, outcome, error_type }) => [attempt, outcome, error_type])).toEqual(
        lane.lane === 'newest'
          ? [
              [1, 'timeout', '_OTHER'],
              [2, 'success', null],
              [1, 'timeout', 'NodeTimeoutError'],
            ]
          : [],
      );
      const [[deaf], [after]] = [steps('limited', 'deaf'), steps('limited', 'after')];
      expect(Number(deaf?.ended_at ?? 0)).toBeLessThanOrEqual(Number(after?.started_at ?? 0));
    });

    it('fails by itself where no node did', () => {
      expect(run('endless')).toMatchObject({
        outcome: 'failure',
        error_type: 'GraphRecursionError',
        failed_step: null,
      });
      expect(run('lost')).toMatchObject({ outcome: 'failure', error_message: 'database is down' });
    });

    it('calls a graph without a name after its nodes', () => {
      expect(described(runOf(rows, 'one, two'))).toHaveLength(3);
    });

    it('leaves no run open', () => {
      expect(rows.filter(({ state }) => state !== 'ended')).toEqual([]);
    });
  },
);

describe('two builds of LangGraph in one program', () => {
  it(
    'are recorded once each, also where they are handed over by hand',
    async () => {
      const application = await createEngineApplication('langgraph', NEWEST);
      const end = await application.run('both.mjs');
      const rows = application.rows();
      await application.remove();

      expect(end).toMatchObject({ exitCode: 0, stdout: 'module,common\n', stderr: '' });
      expect(described(rows)).toEqual([
        ' > pipeline common: success',
        ' > pipeline module: success',
        'common > step work: success',
        'module > step work: success',
      ]);
    },
    INSTALL_MILLIS,
  );
});

describe.each(LANES)('a thread of the $lane LangGraph that several processes go on with', (lane) => {
  it(
    'is one run, and one step for the node that waited, with the questions each of them asked',
    async () => {
      const application = await createEngineApplication('langgraph', lane);
      const ends = [];
      for (const scenario of ['ask', 'answer', 'answer']) {
        ends.push(
          await application.run(`application.${scenario === 'ask' ? 'mjs' : 'cjs'}`, { args: [scenario] }),
        );
      }
      const rows = application.rows();
      await application.remove();

      expect(ends.map(({ stdout }) => stdout).join('')).toBe(
        'ask draft\nanswer draft\nanswer draft,yes,yes,publish\n',
      );
      expect(described(rows)).toEqual([
        ' > pipeline on file: success',
        'on file > step approve: success',
        'on file > step draft: success',
        'on file > step publish: success',
      ]);
      const [run, approve] = ['on file', 'approve'].map((each) => rows.find(({ name }) => name === each));
      expect(run).toMatchObject({ interrupt_count: 2, correlation_id: 'on-file' });
      expect(approve).toMatchObject({ interrupt_count: 2 });
      expect(Number(approve?.suspended_ms)).toBeGreaterThan(0);
      expect(new Set(rows.map(({ run_id }) => run_id)).size).toBe(1);
    },
    INSTALL_MILLIS,
  );
});

describe.each(LANES.flatMap((lane) => ['mjs', 'cjs'].map((module) => ({ ...lane, module }))))(
  'an agent that loads nothing but what the $lane LangGraph has prebuilt, in a .$module program',
  ({ module, ...lane }) => {
    it(
      'is a pipeline',
      async () => {
        const application = await createEngineApplication('langgraph', lane);
        const end = await application.run(`prebuilt.${module}`);
        const rows = application.rows();
        await application.remove();

        expect(end).toMatchObject({
          exitCode: 0,
          stdout: 'How is it in Bern? |  | sunny in Bern | It is sunny.\n',
          stderr: '',
        });
        expect(rows.map(({ kind, name, tokens_in }) => [kind, name, tokens_in])).toEqual([
          ['pipeline', 'forecaster', null],
          ['step', 'agent', 20],
          ['step', 'tools', null],
          ['step', 'agent', 30],
        ]);
      },
      INSTALL_MILLIS,
    );
  },
);
