import { diag } from '@opentelemetry/api';
import type { Require } from '../instrumentation/sdk-packages.ts';
import type { SpanProcessorShape } from '../records/ended-span.ts';
import { otelList, otelPositiveNumber, otlpProtocol } from './otel-environment.ts';
import type { SdkTrace, SpanExporterShape } from './sdk-trace.ts';

const OTLP_PACKAGES = {
  grpc: '@opentelemetry/exporter-trace-otlp-grpc',
  'http/json': '@opentelemetry/exporter-trace-otlp-http',
  'http/protobuf': '@opentelemetry/exporter-trace-otlp-proto',
} as const;

/**
 * The span processors NodeSDK would build from `OTEL_TRACES_EXPORTER` and `OTEL_EXPORTER_OTLP_*`. NodeSDK builds them
 * only where its configuration names no `spanProcessors`, and adding one means naming them.
 */
export function spanProcessorsFromEnvironment(require: Require, sdk: SdkTrace): SpanProcessorShape[] {
  const processors: SpanProcessorShape[] = [];
  for (const name of exporterNames()) {
    if (name === 'console') {
      processors.push(sdk.simpleProcessor(sdk.consoleExporter()));
    } else {
      const exporter = spanExporter(name, require);
      if (exporter !== undefined) processors.push(batchProcessorFromEnvironment(exporter, sdk));
    }
  }
  return processors;
}

/** A batch processor as NodeSDK puts around an exporter, tuned by `OTEL_BSP_*`. */
export function batchProcessorFromEnvironment(
  exporter: SpanExporterShape,
  sdk: SdkTrace,
): SpanProcessorShape {
  return sdk.batchProcessor(exporter, {
    maxQueueSize: otelPositiveNumber('OTEL_BSP_MAX_QUEUE_SIZE'),
    scheduledDelayMillis: otelPositiveNumber('OTEL_BSP_SCHEDULE_DELAY'),
    exportTimeoutMillis: otelPositiveNumber('OTEL_BSP_EXPORT_TIMEOUT'),
    maxExportBatchSize: otelPositiveNumber('OTEL_BSP_MAX_EXPORT_BATCH_SIZE'),
  });
}

function exporterNames(): readonly string[] {
  const names = otelList('OTEL_TRACES_EXPORTER').filter((name) => name !== 'null');
  if (names.length === 0) return ['otlp'];
  if (names[0] === 'none') return [];
  if (!names.includes('none')) return names;
  diag.warn('OTEL_TRACES_EXPORTER contains "none" along with other exporters. Using default otlp exporter.');
  return ['otlp'];
}

function spanExporter(name: string, require: Require): SpanExporterShape | undefined {
  if (name === 'otlp') {
    const module = require(OTLP_PACKAGES[otlpProtocol('TRACES')]);
    return new (module as { readonly OTLPTraceExporter: new () => SpanExporterShape }).OTLPTraceExporter();
  }
  if (name === 'zipkin') {
    const module = require('@opentelemetry/exporter-zipkin');
    return new (module as { readonly ZipkinExporter: new () => SpanExporterShape }).ZipkinExporter();
  }
  diag.warn(`Unrecognized OTEL_TRACES_EXPORTER value: ${name}.`);
  return undefined;
}
