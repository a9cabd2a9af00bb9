import { type Context, context, ROOT_CONTEXT, type TextMapGetter } from '@opentelemetry/api';
import { ACTIVE_EXECUTION_KEY } from '../execution.ts';
import { Execution } from '../lifecycle/execution-handle.ts';
import { extractExecution } from '../lifecycle/propagation.ts';
import { remoteRunOf } from '../lifecycle/remote-run.ts';

/**
 * The context a job's execution belongs in: what the job carries in its `traceparent` and `baggage`, where whoever
 * enqueued it wrote them with `injectExecution`, else `otherwise`. Reads nothing but these two, and never throws.
 */
export function contextOfJob(carrier: unknown, otherwise: Context): Context {
  if (headerIn(carrier, 'traceparent') === undefined && headerIn(carrier, 'baggage') === undefined) {
    return otherwise;
  }
  return context.with(ROOT_CONTEXT, extractExecution, undefined, carrier, HEADERS);
}

/** The business unit of the run a job belongs to, else the job itself: that is stable over its attempts. */
export function correlationIdOfJob(parent: Context, jobId: string): string {
  const active = parent.getValue(ACTIVE_EXECUTION_KEY);
  const run = active instanceof Execution ? active.identity : remoteRunOf(parent);
  return run?.correlationId ?? jobId;
}

const HEADERS: TextMapGetter<unknown> = {
  keys: (carrier) => Object.keys(carrier as object),
  get: headerIn,
};

/** Payloads come from anywhere: only strings they own are headers. */
function headerIn(carrier: unknown, key: string): string | undefined {
  if (typeof carrier !== 'object' || carrier === null || !Object.hasOwn(carrier, key)) return undefined;
  const value: unknown = (carrier as Readonly<Record<string, unknown>>)[key];
  return typeof value === 'string' ? value : undefined;
}
