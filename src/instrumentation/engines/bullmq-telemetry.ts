import { type Context, context, defaultTextMapSetter, ROOT_CONTEXT, trace } from '@opentelemetry/api';
import { currentExecution } from '../../lifecycle/current-execution.ts';
import { neverThrow } from '../../lifecycle/never-throw.ts';
import { contextToHandOver, readContext, writeContext } from '../../lifecycle/propagation.ts';
import type { BullmqJobOptions, TelemetryHolder } from './bullmq-shapes.ts';

/** A span that is none: BullMQ asks its telemetry for one around each operation. */
const NO_SPAN = {
  setSpanOnContext: (on: Context): Context => on,
  setAttribute(): void {},
  setAttributes(): void {},
  addEvent(): void {},
  recordException(): void {},
  end(): void {},
};

/**
 * BullMQ's own `Telemetry` interface, for context alone: it makes no spans, and writes what is active into a job where
 * the application gave no telemetry of its own.
 */
const PROPAGATION_ONLY = {
  tracer: { startSpan: (): typeof NO_SPAN => NO_SPAN },
  contextManager: {
    with: <T>(to: Context, work: () => T): T => context.with(to, work),
    active: (): Context => context.active(),
    getMetadata: (from: Context): string | undefined => metadataOf(from),
    fromMetadata: (active: Context): Context => active,
  },
};

/**
 * Calls BullMQ with a telemetry, for as long as it takes to ask for one: `Queue` and `FlowProducer` do so before they
 * first wait. The application's own stays.
 */
export function whilePropagating<T>(holder: TelemetryHolder, call: () => T): T {
  if (holder.telemetry !== undefined) return call();
  neverThrow('a telemetry for BullMQ', () => {
    holder.telemetry = PROPAGATION_ONLY;
  });
  try {
    return call();
  } finally {
    neverThrow('a telemetry for BullMQ', () => {
      if (holder.telemetry === PROPAGATION_ONLY) holder.telemetry = undefined;
    });
  }
}

/** What a job that is added now is to know of: the execution whose code runs, else the active span; undefined where there is neither. */
export function contextForJobs(): Context | undefined {
  const execution = currentExecution();
  if (execution !== undefined) return contextToHandOver(execution);
  const active = context.active();
  return trace.getSpanContext(active) === undefined ? undefined : active;
}

/** The context a job was added in; undefined where it carries none. */
export function contextOfJob(options: BullmqJobOptions | undefined): Context | undefined {
  const metadata = options?.telemetry?.metadata ?? options?.telemetryMetadata;
  if (typeof metadata !== 'string') return undefined;
  try {
    const carrier: unknown = JSON.parse(metadata);
    if (typeof carrier !== 'object' || carrier === null) return undefined;
    return readContext(ROOT_CONTEXT, carrier);
  } catch {
    // A telemetry of the application's own writes what it likes.
    return undefined;
  }
}

/** Without anything in it, so that no job carries an empty object. */
function metadataOf(from: Context): string | undefined {
  const carrier: Record<string, string> = {};
  neverThrow('the context of a job', () => writeContext(from, carrier, defaultTextMapSetter));
  return Object.keys(carrier).length === 0 ? undefined : JSON.stringify(carrier);
}
