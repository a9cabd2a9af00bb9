import { context, metrics, propagation, trace } from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import {
  type DataPoint,
  type Histogram,
  MeterProvider,
  MetricReader,
  type MetricReaderOptions,
} from '@opentelemetry/sdk-metrics';
import {
  InMemorySpanExporter,
  type ReadableSpan,
  type Sampler,
  SimpleSpanProcessor,
  type SpanProcessor,
  TracerProvider,
} from '@opentelemetry/sdk-trace';

/** What a test's SDK is made of. */
export interface TelemetryOptions {
  readonly sampler?: Sampler;
  /** Processors before the one that collects. */
  readonly processors?: readonly SpanProcessor[];
  readonly contextManager?: boolean;
}

class CollectingReader extends MetricReader {
  constructor(options: MetricReaderOptions = {}) {
    super(options);
  }

  protected override async onShutdown(): Promise<void> {}

  protected override async onForceFlush(): Promise<void> {}
}

/** A real SDK, registered globally, whose spans and metrics can be looked at. Stop it after each test. */
export class Telemetry {
  readonly #exporter = new InMemorySpanExporter();
  readonly #reader = new CollectingReader();

  constructor({ sampler, processors = [], contextManager = true }: TelemetryOptions = {}) {
    if (contextManager) context.setGlobalContextManager(new AsyncLocalStorageContextManager());
    const spanProcessors = [...processors, new SimpleSpanProcessor({ exporter: this.#exporter })];
    trace.setGlobalTracerProvider(
      new TracerProvider({ spanProcessors, ...(sampler !== undefined && { sampler }) }),
    );
    metrics.setGlobalMeterProvider(new MeterProvider({ readers: [this.#reader] }));
  }

  /** Ended spans, first ended first. */
  get spans(): readonly ReadableSpan[] {
    return this.#exporter.getFinishedSpans();
  }

  /** The only ended span with this name. */
  span(name: string): ReadableSpan {
    const [span, ...more] = this.spansNamed(name);
    if (span === undefined || more.length > 0) {
      throw new Error(`expected one span "${name}" among ${this.spans.map((each) => each.name).join(', ')}`);
    }
    return span;
  }

  spansNamed(name: string): readonly ReadableSpan[] {
    return this.spans.filter((span) => span.name === name);
  }

  /** Data points of a metric, by what is collected now. */
  async points(metric: string): Promise<readonly DataPoint<unknown>[]> {
    const { resourceMetrics } = await this.#reader.collect();
    return resourceMetrics.scopeMetrics.flatMap((scope) =>
      scope.metrics
        .filter((each) => each.descriptor.name === metric)
        .flatMap((each): readonly DataPoint<unknown>[] => each.dataPoints),
    );
  }

  async histogram(metric: string): Promise<readonly DataPoint<Histogram>[]> {
    return (await this.points(metric)) as readonly DataPoint<Histogram>[];
  }

  stop(): void {
    trace.disable();
    metrics.disable();
    context.disable();
    propagation.disable();
  }
}
