import { isSpanContextValid, type SpanContext } from '@opentelemetry/api';
import type { SaidOfError } from '../records/error-details.ts';
import { noteLoggedException } from '../records/logged-exceptions.ts';

/** The part of an emitted log record that is read. Log records of SDK 2.x and 3.x both have it. */
export interface EmittedLogRecord {
  readonly spanContext?: SpanContext | undefined;
  readonly attributes: Readonly<Record<string, unknown>>;
}

/** The part of the SDK's `LogRecordProcessor` both lines call. */
export interface LogRecordProcessorShape {
  onEmit(record: EmittedLogRecord): void;
  forceFlush(): Promise<void>;
  shutdown(): Promise<void>;
}

/**
 * Joins exceptions that are reported as log records (`OTEL_SEMCONV_EXCEPTION_SIGNAL_OPT_IN=logs`, OpenTelemetry's way of
 * reporting them from now on) to the executions in whose spans they were logged, so that their records have the type, the
 * message and the stack. Of several the newest counts, and only where the execution failed.
 *
 * Add it to the log record processors; `withRunledger` does. It exports nothing, never throws, and keeps the exceptions
 * of 500 spans at most.
 */
export class ExceptionLogProcessor implements LogRecordProcessorShape {
  onEmit(record: EmittedLogRecord): void {
    try {
      const { spanContext, attributes } = record;
      if (spanContext === undefined || !isSpanContextValid(spanContext)) return;
      const type = textOf(attributes['exception.type']);
      const message = textOf(attributes['exception.message']);
      if (type === undefined && message === undefined) return;
      const stack = textOf(attributes['exception.stacktrace']);
      const said: SaidOfError = {
        ...(type !== undefined && { type }),
        ...(message !== undefined && { message }),
        ...(stack !== undefined && { stack }),
      };
      noteLoggedException(spanContext, said);
    } catch {
      // A log record nobody can read is none of the application's concern.
    }
  }

  forceFlush(): Promise<void> {
    return Promise.resolve();
  }

  shutdown(): Promise<void> {
    return Promise.resolve();
  }
}

function textOf(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined;
}
