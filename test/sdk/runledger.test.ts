import { afterEach, describe, expect, it } from '@jest/globals';
import { trace } from '@opentelemetry/api';
import {
  AlwaysOffSampler,
  InMemorySpanExporter,
  SimpleSpanProcessor,
  TracerProvider,
} from '@opentelemetry/sdk-trace';
import {
  createRunledger,
  currentRunledger,
  MemoryRecordStore,
  PipelineHooks,
  type Runledger,
  runPipeline,
} from '../../src/index.ts';
import { joinTracerProvider } from '../../src/sdk/join-provider.ts';
import { ScriptedRecordStore } from '../support/scripted-record-store.ts';

let ledger: Runledger | undefined;

afterEach(async () => {
  trace.disable();
  ledger?.instrumentation.disable();
  await ledger?.shutdown();
});

describe('a ledger made by hand', () => {
  it('has the parts of a tracer provider, which together record what is not sampled', async () => {
    const store = new MemoryRecordStore();
    ledger = createRunledger({ store, durability: 'memory' });
    const exporter = new InMemorySpanExporter();
    trace.setGlobalTracerProvider(
      new TracerProvider({
        sampler: ledger.sampler(new AlwaysOffSampler()),
        spanProcessors: [new SimpleSpanProcessor({ exporter }), ledger.spanProcessor],
      }),
    );
    runPipeline('import', (run) => {
      expect(ledger?.liveExecutions()).toEqual([
        expect.objectContaining({ name: 'import', state: 'running' }),
      ]);
      run.step('load', () => 7);
    });
    await ledger.ready();
    await ledger.forceFlush();
    expect(exporter.getFinishedSpans()).toEqual([]);
    expect(ledger.accounts()).toMatchObject({ created: 2, stored: 2, queued: 0 });
    expect(ledger.liveExecutions()).toEqual([]);
  });

  it('is found by code that did not make it', () => {
    ledger = createRunledger({ store: 'memory:' });
    expect(currentRunledger()).toBe(ledger);
  });

  it('does nothing without a store, with the same parts', async () => {
    ledger = createRunledger({ store: 'none' });
    const sampler = new AlwaysOffSampler();
    expect(ledger.sampler(sampler)).toBe(sampler);
    expect(ledger.exporter).toBeUndefined();
    await expect(ledger.shutdown()).resolves.toEqual({ stored: 0, left: 0, dropped: 0 });
    expect(ledger.accounts()).toMatchObject({ created: 0, stored: 0 });
  });

  it('writes side by side to a store that takes it, which is pruned besides', async () => {
    const finish: (() => void)[] = [];
    const store = new ScriptedRecordStore(
      { write: () => new Promise<void>((resolve) => finish.push(resolve)) },
      2,
    );
    ledger = createRunledger({ store, durability: 'memory' });
    trace.setGlobalTracerProvider(new TracerProvider({ spanProcessors: [ledger.spanProcessor] }));
    runPipeline('import', (run) => {
      for (let step = 0; step < 1_200; step++) run.step('load', () => step);
    });
    while (finish.length < 2) await new Promise((resolve) => setImmediate(resolve));
    // No record is in both: the second is no repetition of one that took too long.
    expect(new Set(store.writes.flat().map(({ recordId }) => recordId)).size).toBe(1_024);
    expect(ledger.accounts()).toMatchObject({ created: 1_201, stored: 0 });
    store.script = {};
    for (const end of finish) end();
    await ledger.forceFlush();
    expect(ledger.accounts()).toMatchObject({ created: 1_201, stored: 1_201, queued: 0 });
  });

  it('shuts down once, however often it is asked', async () => {
    ledger = createRunledger({ store: 'memory:' });
    const reports = await Promise.all([
      ledger.shutdown(),
      ledger.spanProcessor.shutdown(),
      ledger.shutdown(),
    ]);
    expect(reports[2]).toEqual(reports[0]);
    await expect(ledger.forceFlush()).resolves.toBeUndefined();
  });
});

describe('the hooks of a runner', () => {
  it('leave the same records that code around the work would: a tree, and the step it failed at', async () => {
    const store = new MemoryRecordStore();
    ledger = createRunledger({ store, durability: 'memory' });
    trace.setGlobalTracerProvider(new TracerProvider({ spanProcessors: [ledger.spanProcessor] }));
    const hooks = new PipelineHooks();
    const error = new TypeError('row 7 has no date');
    hooks.onPipelineStart({ id: 'run-1', name: 'import', correlationId: 'orders' });
    hooks.onProcessStart({ id: 'p-1', name: 'write', parentId: 'run-1' });
    hooks.onStepStart({ id: 's-1', name: 'load', parentId: 'p-1' });
    hooks.onStepError({ id: 's-1', error: new Error('busy') });
    hooks.onStepEnd({ id: 's-1' });
    hooks.onRetry({ id: 'p-1', attempt: 2 });
    hooks.onStepStart({ id: 's-2', name: 'load', parentId: 'p-1', attempt: 2 });
    hooks.onStepError({ id: 's-2', error });
    hooks.onStepEnd({ id: 's-2' });
    hooks.onProcessError({ id: 'p-1', error });
    hooks.onProcessEnd({ id: 'p-1' });
    hooks.onSkip({ id: 's-3', name: 'publish', parentId: 'run-1', reason: 'nothing to publish' });
    hooks.onPipelineError({ id: 'run-1', error });
    hooks.onPipelineEnd({ id: 'run-1' });
    await ledger.forceFlush();

    const [run, process, first, second, publish] = ['import', 'write', 'load', 'load', 'publish'].map(
      (name, index) => store.rows().filter((row) => row.name === name)[index === 3 ? 1 : 0],
    );
    expect(run).toMatchObject({
      ...{ kind: 'pipeline', run_id: 'run-1', correlation_id: 'orders', outcome: 'failure' },
      ...{ failed_step: 'load', failed_record_id: second?.record_id, parent_record_id: null },
    });
    expect(process).toMatchObject({
      outcome: 'failure',
      failed_step: 'load',
      parent_record_id: run?.record_id,
    });
    expect(first).toMatchObject({ outcome: 'failure', attempt: 1, parent_record_id: process?.record_id });
    expect(second).toMatchObject({ outcome: 'failure', attempt: 2, error: 'TypeError: row 7 has no date' });
    expect(publish).toMatchObject({ outcome: 'skip', skip_reason: 'nothing to publish', run_id: 'run-1' });
    expect(hooks.openExecutions).toBe(0);
  });
});

describe('joining a running tracer provider', () => {
  const nothing = createProcessor();

  it("wraps the sampler of tracers that are already in use, and leaves the provider's own list alone", () => {
    const processors = [new SimpleSpanProcessor({ exporter: new InMemorySpanExporter() })];
    const provider = new TracerProvider({ sampler: new AlwaysOffSampler(), spanProcessors: processors });
    const tracer = provider.getTracer('early');
    const wrap = () => ({ shouldSample: () => ({ decision: 2 }), toString: () => 'everything' });
    expect(joinTracerProvider(provider, nothing, wrap)).toBe('whole');
    expect(tracer.startSpan('now sampled').isRecording()).toBe(true);
    expect(processors).toHaveLength(1);
  });

  it.each([
    ['nothing', undefined],
    ['a provider of another make', { getTracer: () => trace.getTracer('x') }],
    ['fields that mean something else', { _activeSpanProcessor: { _spanProcessors: 'none' } }],
  ])('changes nothing of %s', (_, provider) => {
    const before = JSON.stringify(provider);
    expect(joinTracerProvider(provider, nothing, (sampler) => sampler)).toBe('not at all');
    expect(JSON.stringify(provider)).toBe(before);
  });

  it('says where the sampler can not be wrapped', () => {
    const provider = { _activeSpanProcessor: { _spanProcessors: [] } };
    expect(joinTracerProvider(provider, nothing, (sampler) => sampler)).toBe('sampled spans only');
    expect(provider._activeSpanProcessor._spanProcessors).toEqual([nothing]);
  });
});

function createProcessor() {
  return { onStart() {}, onEnd() {}, forceFlush: async () => {}, shutdown: async () => {} };
}
