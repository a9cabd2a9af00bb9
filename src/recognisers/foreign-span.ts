import type { Attributes, Link, SpanContext, SpanStatus } from '@opentelemetry/api';
import type { EndedSpan, EndedSpanEvent } from '../records/ended-span.ts';
import { millisOf } from '../records/span-times.ts';

/**
 * A span of another library, as rules see it: while it runs, and when it has ended. Everything but `startName` is what
 * it says now.
 */
export interface ForeignSpan {
  readonly name: string;
  /** Its name when it started: some libraries rename their spans at the end. */
  readonly startName: string;
  /** Name of its instrumentation scope. */
  readonly scope: string;
  readonly attributes: Attributes;
  readonly status: SpanStatus;
  readonly events: readonly EndedSpanEvent[];
  readonly links: readonly Link[];
  /** Milliseconds since the Unix epoch. */
  readonly startedAt: number;
  /** Whether it has ended, so that nothing will be added. */
  readonly hasEnded: boolean;
}

/** A span as SDK 1.x shaped it. Libraries that bring their own copy of that line still hand such spans on. */
interface EarlierSpan {
  readonly parentSpanId?: string;
  readonly instrumentationLibrary?: EndedSpan['instrumentationScope'];
}

/** Name of the instrumentation scope of a span of any SDK line. */
export function scopeOf(span: EndedSpan & EarlierSpan): string {
  return (span.instrumentationScope ?? span.instrumentationLibrary)?.name ?? '';
}

/** The context of its parent, as far as a span of any SDK line says. */
export function parentContextOf(span: EndedSpan & EarlierSpan): SpanContext | undefined {
  const { parentSpanContext, parentSpanId } = span;
  if (parentSpanContext !== undefined || parentSpanId === undefined || parentSpanId === '')
    return parentSpanContext;
  const { traceId, traceFlags } = span.spanContext();
  return { traceId, spanId: parentSpanId, traceFlags };
}

/** What rules see of a span. */
export function foreignSpan(span: EndedSpan, startName: string, hasEnded: boolean): ForeignSpan {
  const { name, attributes, status, events, links } = span;
  const startedAt = millisOf(span.startTime);
  return { name, startName, scope: scopeOf(span), attributes, status, events, links, startedAt, hasEnded };
}
