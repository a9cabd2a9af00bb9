import type {
  Attributes,
  AttributeValue,
  Context,
  HrTime,
  Link,
  SpanContext,
  SpanStatus,
} from '@opentelemetry/api';

/** An event of an ended span. */
export interface EndedSpanEvent {
  readonly name: string;
  readonly time: HrTime;
  readonly attributes?: Attributes;
}

/**
 * The part of an ended span we read. `ReadableSpan` of SDK 2.x (`sdk-trace-base`) and of 3.x (`sdk-trace`) both
 * have it, so one build serves both.
 */
export interface EndedSpan {
  readonly name: string;
  readonly startTime: HrTime;
  readonly endTime: HrTime;
  readonly duration: HrTime;
  readonly status: SpanStatus;
  readonly attributes: Attributes;
  readonly events: readonly EndedSpanEvent[];
  readonly links: readonly Link[];
  readonly parentSpanContext?: SpanContext;
  readonly resource: { readonly attributes: Record<string, unknown> };
  readonly instrumentationScope: { readonly name: string; readonly version?: string };
  spanContext(): SpanContext;
}

/** A span that has just started: readable, and still open for attributes. */
export interface StartedSpan extends EndedSpan {
  setAttribute(key: string, value: AttributeValue): unknown;
}

/** The part of the SDK's `SpanProcessor` both lines call. */
export interface SpanProcessorShape {
  onStart(span: StartedSpan, parentContext: Context): void;
  onEnd(span: EndedSpan): void;
  forceFlush(): Promise<void>;
  shutdown(): Promise<void>;
}
