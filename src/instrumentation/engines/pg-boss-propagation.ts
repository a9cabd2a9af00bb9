import { type Context, context, type TextMapGetter, type TextMapSetter } from '@opentelemetry/api';
import { ACTIVE_EXECUTION_KEY } from '../../execution.ts';
import { extractExecution, injectExecution } from '../../lifecycle/propagation.ts';
import type { EngineLifecycle } from '../engine-lifecycle.ts';
import { extractFlow, injectFlow } from './pg-boss-flows.ts';

/** The part of the engine's options that is read. */
interface TelemetryOptions {
  readonly enabled?: unknown;
  readonly propagateContext?: unknown;
  readonly propagator?: unknown;
}

/**
 * The engine's options, with context propagation on for jobs that are sent in a run. The engine stores the context with
 * the job, in a column of its own (12.38; earlier ones have none, and ignore the option). What the application says
 * about propagation stands: switched on, everything is propagated as before; switched off, or with a propagator of its
 * own, nothing is changed.
 */
export function propagatingRuns(options: unknown, lifecycle: EngineLifecycle): unknown {
  const given = typeof options === 'string' ? { connectionString: options } : options;
  if (typeof given !== 'object' || given === null) return options;
  const { openTelemetry } = given as { readonly openTelemetry?: unknown };
  if (openTelemetry !== undefined && (typeof openTelemetry !== 'object' || openTelemetry === null)) {
    return options;
  }
  const { enabled, propagateContext, propagator }: TelemetryOptions = openTelemetry ?? {};
  if (enabled === false || propagateContext === false || propagator !== undefined) return options;
  return {
    ...given,
    openTelemetry: {
      ...openTelemetry,
      propagateContext: true,
      propagator: new RunPropagator(propagateContext === true, lifecycle),
    },
  };
}

/** A propagator, structurally: it writes nothing where there is no run to join. */
class RunPropagator {
  readonly #isAsked: boolean;
  readonly #lifecycle: EngineLifecycle;

  constructor(isAsked: boolean, lifecycle: EngineLifecycle) {
    this.#isAsked = isAsked;
    this.#lifecycle = lifecycle;
  }

  inject<Carrier>(from: Context, carrier: Carrier, setter: TextMapSetter<Carrier>): void {
    const isInRun = this.#lifecycle.isOn && from.getValue(ACTIVE_EXECUTION_KEY) !== undefined;
    if (isInRun || this.#isAsked) context.with(from, injectExecution, undefined, carrier, { setter });
    if (isInRun) injectFlow(from, carrier, setter);
  }

  extract<Carrier>(into: Context, carrier: Carrier, getter: TextMapGetter<Carrier>): Context {
    return extractFlow(context.with(into, extractExecution, undefined, carrier, getter), carrier, getter);
  }

  fields(): string[] {
    return ['traceparent', 'tracestate', 'baggage'];
  }
}
