import { context, createContextKey, ROOT_CONTEXT } from '@opentelemetry/api';

/** The key by which the SDK's tracers know that nothing is to be traced (`suppressTracing` of the SDK's core). */
const SUPPRESSED = ROOT_CONTEXT.setValue(
  createContextKey('OpenTelemetry SDK Context Key SUPPRESS_TRACING'),
  true,
);

/** Calls a store without a trace of it: the ledger must not record its own SQL. */
export function untraced<T>(call: () => T): T {
  return context.with(SUPPRESSED, call);
}
