import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { context, DiagLogLevel, diag, metrics, trace } from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import { MeterProvider } from '@opentelemetry/sdk-metrics';
import { TracerProvider } from '@opentelemetry/sdk-trace';
import {
  attachPipeline,
  attempts,
  createRunledger,
  extractExecution,
  MemoryRecordStore,
  PipelineHooks,
  type Runledger,
  type RunledgerOptions,
  runPipeline,
  startPipeline,
} from '../../src/index.ts';
import { never, ScriptedRecordStore } from '../support/scripted-record-store.ts';

const ERROR = new TypeError('row 7 has no date');
let ledger: Runledger | undefined;
const unhandled: unknown[] = [];
const keepUnhandled = (reason: unknown) => unhandled.push(reason);

beforeEach(() => {
  unhandled.length = 0;
  process.on('unhandledRejection', keepUnhandled);
});

afterEach(async () => {
  process.off('unhandledRejection', keepUnhandled);
  diag.disable();
  trace.disable();
  metrics.disable();
  context.disable();
  ledger?.instrumentation.disable();
  await ledger?.shutdown();
});

function start(
  options: RunledgerOptions,
  sampler = { shouldSample: () => ({ decision: 2 }), toString: () => 'everything' },
) {
  context.setGlobalContextManager(new AsyncLocalStorageContextManager());
  ledger = createRunledger({ durability: 'memory', ...options });
  metrics.setGlobalMeterProvider(new MeterProvider());
  trace.setGlobalTracerProvider(
    new TracerProvider({ sampler: ledger.sampler(sampler), spanProcessors: [ledger.spanProcessor] }),
  );
}

/** A run in every way an execution can end; throws where any of it is not what the code itself does. */
async function work(): Promise<void> {
  const value = { rows: 3 };
  const input = { orders: [1, 2] };
  const run = runPipeline('import', { input }, async (run) => {
    expect(run.step('sync', () => value)).toBe(value);
    expect(await run.step('async', async () => value)).toBe(value);
    for await (const attempt of attempts({ maxAttempts: 2 })) {
      await attempt.try(() => run.step('load', attempt, () => Promise.reject(ERROR)));
    }
  });
  await expect(run).rejects.toBe(ERROR);
  const handle = startPipeline('by hand');
  handle.interrupt('ask');
  handle.resume('nothing like it');
  attachPipeline(handle.detach()).end();
  attachPipeline('no token').fail(ERROR);
  const hooks = new PipelineHooks({ maxOpenExecutions: 1 });
  hooks.onPipelineStart({ id: '1', name: 'by hooks' });
  hooks.onPipelineStart({ id: '2', name: 'by hooks' });
  hooks.onPipelineStart({} as never);
  hooks.onPipelineError({ id: '2', error: ERROR });
  hooks.onPipelineEnd({ id: '2' });
  extractExecution(undefined as never);
}

function hurl(): never {
  throw new Error('hurled by a hook');
}

const rejects = async () => hurl();

describe('what the application plugs in', () => {
  it.each<[string, RunledgerOptions]>([
    ['a redactor that throws', { redact: hurl }],
    ['a redactor that rejects', { redact: rejects as never }],
    ['a classifier that throws', { classifyError: hurl }],
    ['a classifier that rejects', { classifyError: rejects as never }],
    ['a classifier that says nonsense', { classifyError: (() => ({ outcome: 1 })) as never }],
    ['a source of chance that throws', { keep: { rate: 0.5, rng: hurl } }],
  ])('reaches neither the application nor the accounts: %s', async (_, options) => {
    const store = new MemoryRecordStore();
    start({ ...options, store, captureInput: true });
    await work();
    await ledger?.forceFlush();
    await new Promise(setImmediate);

    expect(unhandled).toEqual([]);
    const { created, stored, sampledOut } = ledger?.accounts() ?? {};
    expect(created).toBeGreaterThanOrEqual(8);
    expect(stored).toBe(Number(created) - Number(sampledOut));
    const failed = store.records().filter(({ name }) => name === 'import' || name === 'load');
    expect(failed).toHaveLength(3);
    expect(failed.map(({ outcome, errorType }) => [outcome, errorType])).toEqual(
      Array(3).fill(['failure', 'TypeError']),
    );
  });

  it('reaches nobody where the sampler throws', async () => {
    const store = new MemoryRecordStore();
    start({ store }, { shouldSample: hurl, toString: hurl });
    await work();
    await ledger?.forceFlush();
    expect(store.records().map(({ name }) => name)).toEqual(expect.arrayContaining(['import', 'load']));
  });

  it.each([
    ['throws', hurl],
    ['hangs', never],
    ['refuses', rejects],
  ])('reaches nobody where the store %s at every call', async (_, method) => {
    const store = new ScriptedRecordStore({ init: method, write: method, close: method });
    start({ store, batch: { shutdownTimeoutMillis: 20, exportTimeoutMillis: 10 } });
    await work();
    await ledger?.shutdown();
    await new Promise(setImmediate);

    expect(unhandled).toEqual([]);
    const { created, dropped } = ledger?.accounts() ?? {};
    expect(dropped?.shutdown_deadline).toBe(created);
  });

  it('reaches nobody where the source of jitter throws, and the store is tried again', async () => {
    const store = new ScriptedRecordStore({
      write: (_, call) => {
        if (call === 1) throw new Error('away for a moment');
      },
    });
    start({ store, batch: { retry: { random: hurl, baseDelayMillis: 1 } } });
    await work();
    await ledger?.forceFlush();

    expect(ledger?.accounts()).toMatchObject({ queued: 0, dropped: { internal_error: 0 } });
    expect(ledger?.accounts().stored).toBe(ledger?.accounts().created);
  });

  it('reaches nobody where the logger throws, whatever there is to say', async () => {
    diag.setLogger(
      { error: hurl, warn: hurl, info: hurl, debug: hurl, verbose: hurl },
      { logLevel: DiagLogLevel.INFO, suppressOverrideMessage: true },
    );
    const store = new MemoryRecordStore();
    start({ store, classifyError: hurl, redact: hurl, captureInput: true });
    await work();
    await ledger?.forceFlush();

    expect(unhandled).toEqual([]);
    expect(store.records().map(({ name }) => name)).toEqual(expect.arrayContaining(['import', 'load']));
  });
});
