import {
  type Context,
  context,
  defaultTextMapGetter,
  defaultTextMapSetter,
  propagation,
  type TextMapGetter,
  type TextMapSetter,
  trace,
} from '@opentelemetry/api';
import { ACTIVE_EXECUTION_KEY } from '../execution.ts';
import { ATTR_RUN_ID } from '../semconv.ts';
import { baggageFromHeader, headerFromBaggage } from './baggage-header.ts';
import { currentExecution } from './current-execution.ts';
import type { Execution } from './execution-handle.ts';
import { describeError } from './outcome.ts';
import { withRemoteRun } from './remote-run.ts';
import { report } from './report.ts';
import { spanContextFromTraceparent, traceparentFromSpanContext } from './traceparent.ts';

/** What {@link injectExecution} writes to where. */
export interface InjectOptions<Carrier> {
  /** The execution to hand over. @default the one whose code is running */
  readonly execution?: Execution | undefined;
  /** How to write into the carrier. @default as properties */
  readonly setter?: TextMapSetter<Carrier> | undefined;
}

/**
 * Writes the execution into a carrier, such as the headers of a message or the payload of a job: W3C `traceparent`,
 * and `baggage` with run id, pipeline, record id, correlation id, attempt and tenant. Uses the propagator that is
 * registered, and writes the two headers itself where that one does not. Baggage of the application goes along;
 * ids go only where this function is called, not onto every outgoing request. Never throws.
 */
export function injectExecution<Carrier>(carrier: Carrier, options: InjectOptions<Carrier> = {}): void {
  const execution = options.execution ?? currentExecution();
  try {
    const from = execution === undefined ? context.active() : contextToHandOver(execution);
    writeContext(from, carrier, options.setter ?? (defaultTextMapSetter as TextMapSetter<Carrier>));
  } catch (error) {
    report('warn', `the execution was not written into the carrier: ${describeError(error).message}`);
  }
}

/** The context that hands an execution over: with its span and, in the baggage, its run. */
export function contextToHandOver(execution: Execution): Context {
  return withRemoteRun(execution.contextForChildren(), {
    runId: execution.runId,
    pipeline: execution.pipeline,
    parentRecordId: execution.recordId,
    correlationId: execution.identity.correlationId,
    attempt: execution.kind === 'pipeline' ? execution.attempt : undefined,
    tenant: execution.identity.tenant,
  });
}

/** Writes span and baggage of a context into a carrier, whatever the registered propagator leaves out. May throw. */
export function writeContext<Carrier>(from: Context, carrier: Carrier, setter: TextMapSetter<Carrier>): void {
  const written = new Set<string>();
  const noting: TextMapSetter<Carrier> = {
    set(target, key, value) {
      written.add(key.toLowerCase());
      setter.set(target, key, value);
    },
  };
  propagation.inject(from, carrier, noting);
  const spanContext = trace.getSpanContext(from);
  if (!written.has('traceparent') && spanContext !== undefined && trace.isSpanContextValid(spanContext)) {
    noting.set(carrier, 'traceparent', traceparentFromSpanContext(spanContext));
  }
  const baggage = propagation.getBaggage(from);
  if (!written.has('baggage') && baggage !== undefined) {
    const header = headerFromBaggage(baggage);
    if (header !== '') noting.set(carrier, 'baggage', header);
  }
}

/**
 * Reads a carrier into a context. Executions started in that context, or with it as `parent`, join the run; where
 * the carrier holds no run they start their own. Never throws.
 *
 * Who can write the carrier can choose the run id, so extract from what you trust.
 */
export function extractExecution<Carrier>(
  carrier: Carrier,
  getter: TextMapGetter<Carrier> = defaultTextMapGetter as TextMapGetter<Carrier>,
): Context {
  return readContext(context.active(), carrier, getter);
}

/** The same with another context than the active one to read into. Never throws. */
export function readContext<Carrier>(
  active: Context,
  carrier: Carrier,
  getter: TextMapGetter<Carrier> = defaultTextMapGetter as TextMapGetter<Carrier>,
): Context {
  try {
    let extracted = propagation.extract(active, carrier, getter);
    const before = trace.getSpan(active);
    if (trace.getSpan(extracted) === before) {
      const spanContext = spanContextFromTraceparent(single(getter.get(carrier, 'traceparent')));
      if (spanContext !== undefined) extracted = trace.setSpanContext(extracted, spanContext);
    }
    if (propagation.getBaggage(extracted) === propagation.getBaggage(active)) {
      const baggage = baggageFromHeader(single(getter.get(carrier, 'baggage')));
      extracted = baggage === undefined ? withoutRun(extracted) : propagation.setBaggage(extracted, baggage);
    }
    // The carrier's run is meant, not the one of the code that reads it: a consumer may itself be an execution.
    return extracted.deleteValue(ACTIVE_EXECUTION_KEY);
  } catch (error) {
    report('warn', `no execution was read from the carrier: ${describeError(error).message}`);
    return withoutRun(active).deleteValue(ACTIVE_EXECUTION_KEY);
  }
}

/** The context with the application's baggage, and no run in it. */
export function withoutRun(from: Context): Context {
  const baggage = propagation.getBaggage(from);
  return baggage === undefined ? from : propagation.setBaggage(from, baggage.removeEntry(ATTR_RUN_ID));
}

function single(value: string | string[] | undefined): string | undefined {
  return Array.isArray(value) ? value.join(',') : value;
}
