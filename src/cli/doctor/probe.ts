// Run by `runledger doctor` in a process of its own, after the application's set-up, with the URL of Runledger's
// index as its argument. It reports over the channel to its parent, because the set-up may print what it likes.
import { setTimeout as delay } from 'node:timers/promises';
import { context, createContextKey, trace } from '@opentelemetry/api';
import { ATTR_RECOVERED_FAILURES } from '../../semconv.ts';
import type { ProbeReport } from './probe-report.ts';

/** The part of the public API the probe uses; which copy of it is decided when it runs. */
interface RunledgerModule {
  runPipeline<T>(name: string, work: (run: ProbeRun) => Promise<T>): Promise<T>;
}

interface ProbeRun {
  step(name: string, work: () => Promise<void>): Promise<void>;
}

async function probe(runledger: RunledgerModule): Promise<ProbeReport> {
  const provider = registeredProvider();
  const processors = listAt(provider, '_activeSpanProcessor', '_spanProcessors');
  const span = await runledger.runPipeline('runledger doctor', async (run) => {
    const active = trace.getActiveSpan();
    await run.step('fails on purpose', failOnPurpose).catch(() => undefined);
    return active;
  });
  return {
    provider: provider === undefined ? null : classOf(provider),
    contextSurvives: await contextSurvives(),
    isRecording: span !== undefined && 'attributes' in span,
    isSampled: ((span?.spanContext().traceFlags ?? 0) & 1) === 1,
    isRecorded: Object.hasOwn(Object(field(span, 'attributes')), ATTR_RECOVERED_FAILURES),
    processors: processors.map(classOf),
    exporters: processors
      .map((processor) => field(processor, '_exporter'))
      .filter(isObject)
      .map(classOf),
  };
}

async function failOnPurpose(): Promise<void> {
  throw new Error('thrown by runledger doctor to see whether failures are noticed');
}

/** The API hands out a proxy; behind it is what an SDK registered, or the API's own that does nothing. */
function registeredProvider(): object | undefined {
  const proxy = trace.getTracerProvider() as { getDelegate?: () => object };
  const provider = proxy.getDelegate === undefined ? proxy : proxy.getDelegate();
  return classOf(provider) === 'NoopTracerProvider' ? undefined : provider;
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

const report = await probe(await import(process.argv[2] ?? ''));
// Ends at once: what the application opened must not keep the probe, and the probe's span must not be exported.
process.send?.(report, undefined, undefined, () => process.exit());
