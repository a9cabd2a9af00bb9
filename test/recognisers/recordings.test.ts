import { describe, expect, it } from '@jest/globals';
import { ROOT_CONTEXT } from '@opentelemetry/api';
import {
  AlwaysOffSampler,
  InMemorySpanExporter,
  SamplingDecision,
  SimpleSpanProcessor,
} from '@opentelemetry/sdk-trace';
import { recordExecutions, type SamplerShape } from '../../src/processor/record-sampler.ts';
import { treeOf } from '../support/record-tree.ts';
import { Replay, recordingOf } from '../support/recorded-spans.ts';

/** What the ledger says of each recording. */
const TREES: Readonly<Record<string, readonly string[]>> = {
  'bullmq-otel': [
    'pipeline orders/succeeds success.',
    'pipeline orders/fails-once failure… _OTHER: stock is undefined',
    'pipeline orders/fails-once #2 success.',
    'pipeline orders/fails failure. _OTHER: card 4242 declined',
    'pipeline orders/put-off skip',
    'pipeline orders/put-off success.',
    'pipeline orders/with-spans success.',
    'pipeline orders/child success.',
    'pipeline orders/parent success.',
  ],
  'appsignal-bullmq': [
    'pipeline orders/succeeds success',
    'pipeline orders/fails-once failure TypeError: stock is undefined',
    'pipeline orders/fails-once #2 success',
  ],
  'pg-boss': [
    'pipeline mails success',
    'pipeline mails failure MailboxFull: mailbox of ada is full',
    'pipeline mails #2 success',
  ],
  temporal: [
    'pipeline fulfil success',
    '  step reserve failure TypeError: stock is undefined',
    '  step reserve #2 success',
    'pipeline fulfil failure ActivityFailure: Activity task failed',
    '  step reserve failure TypeError: stock is undefined',
    '  step reserve #2 failure TypeError: stock is undefined',
  ],
  'vercel-workflow': [
    'pipeline fulfil success',
    '  step reserve success.',
    'pipeline fulfil success',
    '  step reserve failure… RangeError: busy just now',
    '  step reserve #2 success.',
    'pipeline fulfil failure FatalError: stock is gone',
    '  step reserve failure. FatalError: stock is gone',
  ],
  mastra: [
    'pipeline etl success',
    '  step extract success',
    '  step load success',
    'pipeline etl success',
    '  step extract success',
    '  step load success',
    'pipeline etl failure WORKFLOW_STEP_INVOKE_FAILED: table is undefined <- load',
    '  step extract success',
    '  step load failure WORKFLOW_STEP_INVOKE_FAILED: table is undefined',
  ],
  openinference: [
    'pipeline helpdesk success',
    '  process plan success',
    '    step look_up success',
    '  step act success',
    'pipeline helpdesk success',
    '  process plan success',
    '    step look_up success',
    '  step act failure RangeError: busy just now',
    '  step act #2 success',
    'pipeline helpdesk failure TypeError: tool is undefined <- act',
    '  process plan success',
    '    step look_up success',
    '  step act failure TypeError: tool is undefined',
    'pipeline helpdesk success',
    '  process plan success',
    '    step look_up success',
    '  step act suspended',
    'pipeline helpdesk success',
    '  step act success',
    'pipeline summarise success',
  ],
  'ai-sdk-otel': [
    'pipeline forecast success',
    '  process step 1 success',
    '    step chat mock-1 success',
    '    step weather success',
    '  process step 2 success',
    '    step chat mock-1 success',
    'pipeline forecast success',
    '  process step 1 success',
    '    step chat mock-1 success',
    '    step weather failure TypeError: no station in Oslo',
    '  process step 2 success',
    '    step chat mock-1 success',
    'pipeline forecast failure RangeError: model overloaded <- chat mock-1',
    '  process step 1 failure RangeError: model overloaded <- chat mock-1',
    '    step chat mock-1 failure RangeError: model overloaded',
  ],
  'ai-sdk-legacy': [
    'pipeline forecast success',
    '  step ai.generateText.doGenerate success',
    '  step weather success',
    '  step ai.generateText.doGenerate success',
    'pipeline forecast failure RangeError: model overloaded <- ai.generateText.doGenerate',
    '  step ai.generateText.doGenerate failure RangeError: model overloaded',
  ],
  effect: [
    'pipeline fulfil orders success',
    '  step fetch orders success',
    'pipeline fulfil orders failure StockEmpty: no apples are left <- reserve stock',
    '  step fetch orders success',
    '  step reserve stock failure StockEmpty: no apples are left',
  ],
};

/** Spans of Effect are of anything, so they have to be asked for. */
const RECOGNISE = { rules: { effect: true } };

const IN_OTHER_PROCESSES: ReadonlySet<string> = new Set(['temporal', 'vercel-workflow']);

describe('what was recorded of a library', () => {
  it.each(Object.entries(TREES))('%s becomes executions', (library, tree) => {
    const { records } = new Replay({ recognise: RECOGNISE }).play(recordingOf(library));
    expect(treeOf(records)).toEqual(tree);
    // Parts of a run that other processes may run name its record without knowing whether it is here.
    const flags = new Set(records.flatMap((record) => record.flags ?? []));
    expect([...flags]).toEqual(IN_OTHER_PROCESSES.has(library) ? ['remote_parent'] : []);
  });

  it.each(Object.keys(TREES))('%s leaves no prompt, payload or result in the ledger', (library) => {
    const recording = recordingOf(library);
    const { records } = new Replay({ recognise: RECOGNISE }).play(recording);
    const payloads = ['secret', 'It rains', '"rows":', '\\"city', 'are you sure'];
    expect(payloads.filter((payload) => JSON.stringify(records).includes(payload))).toEqual([]);
  });

  it.each(Object.keys(TREES))('%s says the same where nothing is exported', (library) => {
    const recordOnly = { shouldSample: () => ({ decision: 1 }), toString: () => 'record only' };
    const replay = new Replay({ recognise: RECOGNISE, sampler: recordOnly }).play(recordingOf(library));
    expect(treeOf(replay.records)).toEqual(TREES[library]);
  });

  it.each(Object.keys(TREES))('%s says nothing where it is switched off', async (library) => {
    const replay = new Replay({ recognise: false }).play(recordingOf(library));
    await replay.processor.forceFlush();
    expect(replay.records).toEqual([]);
    expect(replay.processor.liveExecutions()).toEqual([]);
  });

  it.each(Object.keys(TREES))('%s leaves nothing running and nothing held', (library) => {
    const replay = new Replay({ recognise: RECOGNISE }).play(recordingOf(library));
    expect(replay.processor.liveExecutions()).toEqual([]);
    const { length } = replay.records;
    replay.processor.settle();
    expect(replay.records).toHaveLength(length);
  });
});

/** What only the scope of their spans tells is not known to a sampler. */
const UNKNOWN_TO_SAMPLERS: ReadonlySet<string> = new Set(['openinference', 'effect']);

describe('a sampler that drops everything', () => {
  it.each(Object.keys(TREES).filter((library) => !UNKNOWN_TO_SAMPLERS.has(library)))(
    'drops no execution of %s',
    (library) => {
      const sampler = recordExecutions(new AlwaysOffSampler(), RECOGNISE);
      const replay = new Replay({ recognise: RECOGNISE, sampler }).play(recordingOf(library));
      expect(treeOf(replay.records)).toEqual(TREES[library]);
    },
  );

  it.each([...UNKNOWN_TO_SAMPLERS])('drops those of %s, which only their scope tells', (library) => {
    const sampler = recordExecutions(new AlwaysOffSampler(), RECOGNISE);
    const replay = new Replay({ recognise: RECOGNISE, sampler }).play(recordingOf(library));
    expect(replay.records).toEqual([]);
  });

  it('drops every span of other libraries where none is to be recognised', () => {
    const sampler: SamplerShape = recordExecutions(new AlwaysOffSampler(), false);
    for (const { span } of Object.keys(TREES)
      .map((library) => recordingOf(library))
      .flatMap(({ events }) => events)) {
      const { decision } = sampler.shouldSample(ROOT_CONTEXT, '', span.name, span.kind, span.attributes, []);
      expect(decision).toBe(SamplingDecision.NOT_RECORD);
    }
  });

  it('exports nothing of what is recorded', () => {
    const sampler = recordExecutions(new AlwaysOffSampler());
    const exporter = new InMemorySpanExporter();
    const others = [new SimpleSpanProcessor({ exporter })];
    const replay = new Replay({ sampler, others }).play(recordingOf('pg-boss'));
    expect(replay.records).toHaveLength(3);
    expect(exporter.getFinishedSpans()).toEqual([]);
  });
});

describe('a job of BullMQ', () => {
  const { records } = new Replay().play(recordingOf('bullmq-otel'));

  it('keeps its id over its attempts', () => {
    const attempts = records.filter(({ name }) => name === 'orders/fails-once');
    expect(attempts.map(({ correlationId, attempt }) => [correlationId, attempt])).toEqual([
      [expect.any(String), 1],
      [attempts[0]?.correlationId, 2],
    ]);
  });

  it('that is put back is no failure', () => {
    const [putBack] = records.filter(({ name }) => name === 'orders/put-off');
    expect(putBack?.skipReason).toBe('put back: delayed, rate limited or waiting for children');
  });
});

describe('a run that is more than one span', () => {
  it('of Vercel Workflow is one row, told anew by each replay', () => {
    const { records } = new Replay().play(recordingOf('vercel-workflow'));
    const [first] = records;
    const segments = records.filter(({ recordId }) => recordId === first?.recordId);
    expect(segments.map(({ state }) => state)).toEqual(['suspended', 'ended']);
    expect(segments[1]?.rev).toBeGreaterThan(segments[0]?.rev ?? Number.POSITIVE_INFINITY);
    expect(new Set(segments.map(({ startedAt }) => startedAt)).size).toBe(1);
    expect(segments[1]?.durationMs).toBe((segments[1]?.endedAt ?? 0) - (segments[1]?.startedAt ?? 0));
  });

  it('of Temporal is held together by its run id, whoever runs its parts', () => {
    const { records } = new Replay().play(recordingOf('temporal'));
    const names = (id: string | undefined) =>
      records.filter(({ runId }) => runId === id).map(({ name }) => name);
    expect(new Set(records.map(({ runId }) => runId)).size).toBe(2);
    expect(names(records[0]?.runId)).toEqual(['reserve', 'reserve', 'fulfil']);
    expect(names(records[3]?.runId)).toEqual(['reserve', 'reserve', 'fulfil']);
  });
});

describe('the tokens of a model', () => {
  it.each(['ai-sdk-otel', 'ai-sdk-legacy'])('count for every execution it was called in: %s', (library) => {
    const { records } = new Replay().play(recordingOf(library));
    const run = records.filter(({ runId }) => runId === records[0]?.runId);
    expect(run.find(({ kind }) => kind === 'pipeline')).toMatchObject({ tokensIn: 22, tokensOut: 14 });
    const calls = run.filter(({ tokensIn, kind }) => kind === 'step' && tokensIn !== undefined);
    expect(calls.map(({ tokensIn, tokensOut }) => [tokensIn, tokensOut])).toEqual([
      [11, 7],
      [11, 7],
    ]);
  });
});
