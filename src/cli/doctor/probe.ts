// Run by `runledger doctor` in a process of its own, after the application's set-up, with the URL of Runledger's
// index as its argument. It reports over the channel to its parent, because the set-up may print what it likes.
import { setTimeout as delay } from 'node:timers/promises';
import { context, createContextKey, type Span, trace } from '@opentelemetry/api';
import type { ProbeEngine, ProbeReport } from './probe-report.ts';

/** The part of the public API the probe uses; which copy of it is decided when it runs. */
interface RunledgerModule {
  startPipeline(name: string): ProbeExecution;
  currentRunledger(): ProbeLedger | undefined;
}

interface ProbeExecution {
  readonly runId: string;
  readonly span: Span;
  startStep(name: string): ProbeExecution;
  fail(error: Error): void;
  end(): void;
}

interface ProbeLedger {
  /** The application's copy may be older than engines are. */
  readonly instrumentation: { engineHooks?(): Promise<readonly ProbeEngine[]> };
  readonly options: { readonly store: { readonly kind: string; readonly path?: string } };
  accounts(): { readonly created: number };
  liveExecutions(): readonly { readonly runId: string }[];
}

async function probe(runledger: RunledgerModule): Promise<ProbeReport> {
  const provider = registeredProvider();
  const ledger = runledger.currentRunledger();
  const store = ledger?.options.store;
  const run = runledger.startPipeline('runledger doctor');
  const isSeen = ledger?.liveExecutions().some((live) => live.runId === run.runId) ?? false;
  const isRecording = run.span.isRecording();
  const before = ledger?.accounts().created ?? 0;
  // Only what ends is stored, and a set-up that names its store in code does not heed the environment's.
  if (store?.kind === 'memory') {
    run.startStep('fails on purpose').fail(new Error('by runledger doctor, to see that it is recorded'));
    run.end();
  }
  const processors = listAt(provider, '_activeSpanProcessor', '_spanProcessors');
  return {
    provider: provider === undefined ? null : classOf(provider),
    contextSurvives: await contextSurvives(),
    hasLedger: ledger !== undefined,
    store: store === undefined ? null : [store.kind, store.path].filter(Boolean).join(' '),
    isRecording,
    isSampled: (run.span.spanContext().traceFlags & 1) === 1,
    isSeen,
    records: store?.kind === 'memory' ? (ledger?.accounts().created ?? 0) - before : null,
    processors: processors.map(classOf),
    exporters: processors
      .map((processor) => field(processor, '_exporter'))
      .filter(isObject)
      .map(classOf),
    engines: (await ledger?.instrumentation.engineHooks?.()) ?? null,
  };
}

/** The API hands out a proxy; behind it is what an SDK registered, or the API's own that does nothing. */
function registeredProvider(): object | undefined {
  const proxy = trace.getTracerProvider() as { getDelegate?: () => object };
  const provider = proxy.getDelegate === undefined ? proxy : proxy.getDelegate();
  if (classOf(provider) === 'NoopTracerProvider') return undefined;
  // `runledger/register` puts a provider in between that can give way to the application's own.
  const target = field(provider, 'target');
  return isObject(target) ? target : provider;
}

async function contextSurvives(): Promise<boolean> {
  const key = createContextKey('runledger doctor');
  return context.with(context.active().setValue(key, true), async () => {
    await delay(1);
    return context.active().getValue(key) === true;
  });
}

function listAt(value: unknown, ...path: readonly string[]): readonly unknown[] {
  const list = path.reduce(field, value);
  return Array.isArray(list) ? list : [];
}

function field(value: unknown, name: string): unknown {
  return isObject(value) ? (value as Record<string, unknown>)[name] : undefined;
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null;
}

function classOf(value: unknown): string {
  return isObject(value) ? value.constructor.name : typeof value;
}

// The parent ends this process when it has the report: nothing of the probe may be exported at an orderly end.
process.send?.(await probe(await import(process.argv[2] ?? '')));
setInterval(() => {}, 1_000);
