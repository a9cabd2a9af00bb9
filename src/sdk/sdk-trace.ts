import type { Require } from '../instrumentation/sdk-packages.ts';
import type { SamplerShape } from '../processor/record-sampler.ts';
import type { SpanProcessorShape } from '../records/ended-span.ts';

/** A span exporter, passed on and never called here. */
export type SpanExporterShape = object;

/** How a batch processor waits; undefined leaves a default to the SDK. */
export interface BatchProcessorConfig {
  readonly maxQueueSize: number | undefined;
  readonly scheduledDelayMillis: number | undefined;
  readonly exportTimeoutMillis: number | undefined;
  readonly maxExportBatchSize: number | undefined;
}

/** What is built from the SDK's tracing package, whichever line is installed. */
export interface SdkTrace {
  consoleExporter(): SpanExporterShape;
  simpleProcessor(exporter: SpanExporterShape): SpanProcessorShape;
  batchProcessor(exporter: SpanExporterShape, config: BatchProcessorConfig): SpanProcessorShape;
  alwaysOn(): SamplerShape;
  alwaysOff(): SamplerShape;
  ratio(ratio: number): SamplerShape;
  parentBased(root: SamplerShape): SamplerShape;
}

interface TraceModule {
  readonly ConsoleSpanExporter: new () => SpanExporterShape;
  readonly SimpleSpanProcessor: new (argument: object) => SpanProcessorShape;
  readonly BatchSpanProcessor: new (argument: object, config?: object) => SpanProcessorShape;
  readonly AlwaysOnSampler: new () => SamplerShape;
  readonly AlwaysOffSampler: new () => SamplerShape;
  readonly TraceIdRatioBasedSampler: new (ratio: number) => SamplerShape;
  readonly ParentBasedSampler: new (config: { readonly root: SamplerShape }) => SamplerShape;
}

/**
 * Loads the tracing package sdk-node depends on. The processors of `sdk-trace` take one object, those of
 * `sdk-trace-base`, on the earlier 2.x line, the exporter first.
 */
export function loadSdkTrace(require: Require): SdkTrace {
  const [module, takesObject] = loadTraceModule(require);
  return {
    consoleExporter: () => new module.ConsoleSpanExporter(),
    simpleProcessor: (exporter) => new module.SimpleSpanProcessor(takesObject ? { exporter } : exporter),
    batchProcessor: (exporter, config) =>
      takesObject
        ? new module.BatchSpanProcessor({ exporter, ...config })
        : new module.BatchSpanProcessor(exporter, config),
    alwaysOn: () => new module.AlwaysOnSampler(),
    alwaysOff: () => new module.AlwaysOffSampler(),
    ratio: (ratio) => new module.TraceIdRatioBasedSampler(ratio),
    parentBased: (root) => new module.ParentBasedSampler({ root }),
  };
}

function loadTraceModule(require: Require): [module: TraceModule, takesObject: boolean] {
  try {
    return [require('@opentelemetry/sdk-trace') as TraceModule, true];
  } catch {
    return [require('@opentelemetry/sdk-trace-base') as TraceModule, false];
  }
}
