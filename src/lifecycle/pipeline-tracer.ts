import {
  type Attributes,
  type Context,
  ProxyTracerProvider,
  type Span,
  type SpanOptions,
  SpanStatusCode,
  type Tracer,
  type TracerProvider,
  trace,
} from '@opentelemetry/api';
import { isFailed, leaveNotes, type Outcome } from '../execution.ts';
import { ATTR_ERROR_CODE, ATTR_ERROR_TYPE, ATTR_OUTCOME, ERROR_TYPE_OTHER, SCOPE_NAME } from '../semconv.ts';
import { VERSION } from '../version.ts';
import { lifecycleSettings } from './lifecycle-settings.ts';
import { describeError } from './outcome.ts';
import { report } from './report.ts';
import type { Timeline } from './timeline.ts';

let provider: TracerProvider | undefined;
let tracer: Tracer | undefined;

/**
 * The tracer of the SDK that is registered now, or undefined where none is. Follows the global provider, so it
 * does not matter whether the SDK starts before or after the first execution.
 */
export function activeTracer(): Tracer | undefined {
  const current = lifecycleSettings().tracerProvider ?? trace.getTracerProvider();
  if (current === provider && tracer !== undefined) return tracer;
  provider = current;
  tracer =
    current instanceof ProxyTracerProvider
      ? current.getDelegateTracer(SCOPE_NAME, VERSION)
      : current.getTracer(SCOPE_NAME, VERSION);
  return tracer;
}

/** Starts a span. A sampler or processor that throws costs the span, never the caller. */
export function openSpan(
  from: Tracer,
  name: string,
  options: SpanOptions,
  parent: Context,
): Span | undefined {
  try {
    return from.startSpan(name, options, parent);
  } catch (error) {
    report(
      'error',
      `the tracer threw ${describeError(error).type} when "${name}" started; it goes on without a span`,
    );
    return undefined;
  }
}

/** How an execution ended. */
export interface Ending {
  readonly outcome: Outcome;
  /** Whether there is an error object; it may be `undefined` itself. */
  readonly hasError: boolean;
  readonly error: unknown;
}

/** Error objects whose exception event is on a span already: a stack is written once, where the error began. */
const recorded = new WeakSet<object>();

/**
 * Writes how an execution ended on its span. Success leaves the status unset and no outcome attribute: an execution without the attribute and
 * without an ERROR status succeeded. A failure gets both, `error.type`, and the exception event if it is the first
 * execution to end with that error. Without an ending the span is a segment that is not the last.
 */
export function writeEnding(
  span: Span,
  ending: Ending | undefined,
  attributes: Attributes | undefined,
  timeline: Timeline | undefined,
): void {
  try {
    if (!span.isRecording()) return;
    if (attributes !== undefined) span.setAttributes(attributes);
    writeOutcome(span, ending, timeline);
  } catch (error) {
    report('warn', `how an execution ended is not on its span: ${describeError(error).message}`);
  }
}

/** Ends a span. */
export function endSpan(span: Span): void {
  try {
    span.end();
  } catch (error) {
    report('error', `a span processor threw ${describeError(error).type} when an execution ended`);
  }
}

function writeOutcome(span: Span, ending: Ending | undefined, timeline: Timeline | undefined): void {
  if (ending !== undefined && ending.outcome !== 'success') {
    span.setAttribute(ATTR_OUTCOME, ending.outcome);
    if (isFailed(ending.outcome)) writeFailure(span, ending);
  }
  const hasError = ending?.hasError === true;
  if (!hasError && timeline === undefined) return;
  leaveNotes(span, {
    ...(hasError && { error: ending.error }),
    ...(timeline !== undefined && { timeline: timeline.moments(), timelineTotal: timeline.total }),
  });
}

function writeFailure(span: Span, ending: Ending): void {
  if (!ending.hasError) {
    span.setAttribute(ATTR_ERROR_TYPE, ERROR_TYPE_OTHER);
    span.setStatus({ code: SpanStatusCode.ERROR });
    return;
  }
  const { type, message, stack, code } = describeError(ending.error);
  span.setAttribute(ATTR_ERROR_TYPE, type);
  if (code !== undefined) span.setAttribute(ATTR_ERROR_CODE, code);
  span.setStatus({ code: SpanStatusCode.ERROR, message });
  if (!isNewError(ending.error)) return;
  // The SDK would take `code` for the type and drop what is no Error, so it gets the three fields alone.
  span.recordException({ name: type, message, ...(stack !== undefined && { stack }) });
}

function isNewError(error: unknown): boolean {
  if ((typeof error !== 'object' && typeof error !== 'function') || error === null) return true;
  if (recorded.has(error)) return false;
  recorded.add(error);
  return true;
}
