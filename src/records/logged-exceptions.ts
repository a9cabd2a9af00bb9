import type { SpanContext } from '@opentelemetry/api';
import { boundedText, RecordMarks, TEXT_BOUNDS } from './bounded-text.ts';
import type { SaidOfError } from './error-details.ts';

/** Spans whose exception is remembered; beyond it the first ones are forgotten. */
const MAX_SPANS = 500;

/** The newest exception of each span that was reported as a log record, by trace and span id. */
const exceptions = new Map<string, SaidOfError>();

/** Remembers an exception that was logged in a span, until the span ends. */
export function noteLoggedException(context: SpanContext, said: SaidOfError): void {
  const marks = new RecordMarks();
  const { type, message, stack } = said;
  const key = keyOf(context);
  exceptions.delete(key);
  exceptions.set(key, {
    ...(type !== undefined && { type: boundedText(type, TEXT_BOUNDS.id, marks) }),
    ...(message !== undefined && { message: boundedText(message, TEXT_BOUNDS.message, marks) }),
    ...(stack !== undefined && { stack: boundedText(stack, TEXT_BOUNDS.stack, marks) }),
  });
  if (exceptions.size <= MAX_SPANS) return;
  for (const oldest of exceptions.keys()) {
    exceptions.delete(oldest);
    return;
  }
}

/** The newest exception that was logged in a span; undefined where none is known. */
export function loggedExceptionOf(context: SpanContext): SaidOfError | undefined {
  return exceptions.size === 0 ? undefined : exceptions.get(keyOf(context));
}

function keyOf({ traceId, spanId }: SpanContext): string {
  return traceId + spanId;
}
