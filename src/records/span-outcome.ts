import { SpanStatusCode } from '@opentelemetry/api';
import { OUTCOMES, type Outcome } from '../execution.ts';
import { ATTR_ERROR_CODE, ATTR_ERROR_TYPE, ATTR_OUTCOME, ATTR_STATE } from '../semconv.ts';
import type { EndedSpan, EndedSpanEvent } from './ended-span.ts';
import type { SaidOfError } from './error-details.ts';
import { loggedExceptionOf } from './logged-exceptions.ts';

// Names of OpenTelemetry's exception event, stable (semantic conventions, "Exceptions").
const EVENT_EXCEPTION = 'exception';
const ATTR_EXCEPTION_TYPE = 'exception.type';
const ATTR_EXCEPTION_MESSAGE = 'exception.message';
const ATTR_EXCEPTION_STACKTRACE = 'exception.stacktrace';

const KNOWN_OUTCOMES: ReadonlySet<unknown> = new Set(OUTCOMES);

/** Whether the span is a segment of an execution that goes on in another span. */
export function isSuspended(span: EndedSpan): boolean {
  return span.attributes[ATTR_STATE] === 'suspended';
}

/** How the execution ended: as its span says, else by the span's status. */
export function outcomeOf(span: EndedSpan): Outcome {
  const outcome = span.attributes[ATTR_OUTCOME];
  if (outcome !== undefined && KNOWN_OUTCOMES.has(outcome)) return outcome as Outcome;
  return span.status.code === SpanStatusCode.ERROR ? 'failure' : 'success';
}

/** What the span says about the error, in its attributes. */
export function errorAttributesOf(span: EndedSpan): SaidOfError {
  const type = textOf(span.attributes[ATTR_ERROR_TYPE]);
  const code = textOf(span.attributes[ATTR_ERROR_CODE]);
  return { ...(type === undefined ? {} : { type }), ...(code === undefined ? {} : { code }) };
}

/**
 * What a span of which no error object is known says about its error: its attributes, its newest exception event
 * or, where that lacks something, the newest exception logged in it, its status. Older exception events are of errors the execution dealt with.
 */
export function errorSaidOf(span: EndedSpan): SaidOfError {
  const attributes = errorAttributesOf(span);
  const exception = exceptionOf(span);
  const type = attributes.type ?? exception?.type;
  const message = exception?.message ?? textOf(span.status.message);
  const stack = exception?.stack;
  return {
    ...attributes,
    ...(type === undefined ? {} : { type }),
    ...(message === undefined ? {} : { message }),
    ...(stack === undefined ? {} : { stack }),
  };
}

/** An event and a log record with one message are of one exception, and what the event lacks the log record may have. */
function exceptionOf(span: EndedSpan): SaidOfError | undefined {
  const logged = loggedExceptionOf(span.spanContext());
  const event = newestException(span)?.attributes;
  if (event === undefined) return logged;
  const message = textOf(event[ATTR_EXCEPTION_MESSAGE]);
  const same = message === undefined || message === logged?.message ? logged : undefined;
  const type = textOf(event[ATTR_EXCEPTION_TYPE]) ?? same?.type;
  const stack = textOf(event[ATTR_EXCEPTION_STACKTRACE]) ?? same?.stack;
  return {
    ...(type === undefined ? {} : { type }),
    ...(message === undefined ? {} : { message }),
    ...(stack === undefined ? {} : { stack }),
  };
}

function newestException(span: EndedSpan): EndedSpanEvent | undefined {
  return span.events.findLast(({ name }) => name === EVENT_EXCEPTION);
}

function textOf(value: unknown): string | undefined {
  if (typeof value === 'string' && value !== '') return value;
  return typeof value === 'number' && Number.isFinite(value) ? String(value) : undefined;
}
