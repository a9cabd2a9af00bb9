import { readFileSync } from 'node:fs';
import {
  type Attributes,
  type Context,
  type HrTime,
  type Link,
  ROOT_CONTEXT,
  type Span,
  type SpanContext,
  type SpanKind,
  type SpanStatus,
  SpanStatusCode,
  trace,
} from '@opentelemetry/api';
import { type Sampler, type SpanProcessor, TracerProvider } from '@opentelemetry/sdk-trace';
import { ExecutionSpanProcessor } from '../../src/processor/execution-span-processor.ts';
import type { ExecutionSpanProcessorOptions } from '../../src/processor/execution-span-processor-options.ts';
import type { EndedSpan } from '../../src/records/ended-span.ts';
import { CollectingExporter } from './collecting-exporter.ts';

/** A span as a span processor saw it: of SDK 2.x and 3.x, or of 1.x where it has `instrumentationLibrary`. */
export interface RecordedSpan {
  readonly name: string;
  readonly kind: SpanKind;
  readonly spanContext: SpanContext;
  readonly parentSpanContext?: SpanContext;
  readonly parentSpanId?: string;
  readonly startTime: HrTime;
  readonly endTime: HrTime;
  readonly duration: HrTime;
  readonly ended: boolean;
  readonly status: SpanStatus;
  readonly attributes: Attributes;
  readonly events: readonly { name: string; time: HrTime; attributes?: Attributes }[];
  readonly links: readonly Link[];
  readonly instrumentationScope?: { readonly name: string; readonly version?: string };
  readonly instrumentationLibrary?: { readonly name: string; readonly version?: string };
}

/** What was recorded of a library: its spans, in the order a span processor saw them start and end. */
export interface Recording {
  /** How it was recorded. */
  readonly how: string;
  readonly versions: Readonly<Record<string, string>>;
  readonly events: readonly { readonly on: 'start' | 'end'; readonly span: RecordedSpan }[];
}

const GOLDEN = new URL('../recognisers/golden/', import.meta.url);

export function recordingOf(name: string): Recording {
  return JSON.parse(readFileSync(new URL(`${name}.json`, GOLDEN), 'utf8'));
}

/** A tracer provider with our processor, in which recorded spans start and end again, as spans of the SDK. */
export class Replay {
  readonly exporter: CollectingExporter = new CollectingExporter();
  readonly processor: ExecutionSpanProcessor;
  readonly #provider: TracerProvider;
  readonly #open = new Map<string, Span>();
  #ids: { readonly traceId: string; readonly spanId: string } = { traceId: '', spanId: '' };

  constructor(
    options: Partial<ExecutionSpanProcessorOptions> & {
      readonly sampler?: Sampler;
      readonly others?: readonly SpanProcessor[];
    } = {},
  ) {
    const { sampler, others = [], ...processorOptions } = options;
    this.processor = new ExecutionSpanProcessor({ exporter: this.exporter, ...processorOptions });
    this.#provider = new TracerProvider({
      spanProcessors: [this.processor, ...others],
      idGenerator: {
        generateTraceId: () => this.#ids.traceId,
        generateSpanId: () => this.#ids.spanId,
      },
      ...(sampler === undefined ? {} : { sampler }),
    });
  }

  get records(): CollectingExporter['records'] {
    return this.exporter.records;
  }

  /** Plays a recording back; `around` is the context its roots start in. */
  play({ events }: Pick<Recording, 'events'>, around: Context = ROOT_CONTEXT): this {
    for (const { on, span } of events) {
      if (on === 'start') this.start(span, around);
      else this.end(span);
    }
    return this;
  }

  /** Starts a recorded span in the span it was started in, where that one is here. */
  start(span: RecordedSpan, around: Context = ROOT_CONTEXT): Span {
    const { name, kind, attributes, links, startTime, instrumentationScope: scope } = span;
    const parent = span.parentSpanContext;
    this.#ids = span.spanContext;
    const tracer = this.#provider.getTracer(scope?.name ?? '', scope?.version);
    const options = { kind, attributes, links: [...links], startTime };
    const started = tracer.startSpan(name, options, this.#contextOf(parent, around));
    this.#open.set(span.spanContext.spanId, started);
    return started;
  }

  /** Ends a recorded span. One that never started is handed on as it was, since the SDK makes none like it. */
  end(span: RecordedSpan): void {
    const started = this.#open.get(span.spanContext.spanId);
    if (started === undefined) {
      this.processor.onEnd(endedSpan(span));
      return;
    }
    started.updateName(span.name).setAttributes(span.attributes);
    for (const event of span.events) started.addEvent(event.name, event.attributes, event.time);
    if (span.status.code !== SpanStatusCode.UNSET) started.setStatus(span.status);
    started.end(span.endTime);
  }

  /** The context below a recorded span that has started. */
  contextIn(span: RecordedSpan, around: Context = ROOT_CONTEXT): Context {
    const open = this.#open.get(span.spanContext.spanId);
    return open === undefined ? around : trace.setSpan(around, open);
  }

  #contextOf(parent: SpanContext | undefined, around: Context): Context {
    if (parent === undefined) return around;
    const open = parent.isRemote === true ? undefined : this.#open.get(parent.spanId);
    return open === undefined ? trace.setSpanContext(around, parent) : trace.setSpan(around, open);
  }
}

/** The span as its library's own copy of the SDK hands it on. */
function endedSpan({ spanContext, ...span }: RecordedSpan): EndedSpan {
  const shape = { ...span, spanContext: () => spanContext, resource: { attributes: {} } };
  // SDK 1.x has `instrumentationLibrary` where later lines have `instrumentationScope`.
  return shape as unknown as EndedSpan;
}
