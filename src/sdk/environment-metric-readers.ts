import { diag } from '@opentelemetry/api';
import type { Require } from '../instrumentation/sdk-packages.ts';
import { otelList, otelNumber, otelPositiveNumber, otelString, otlpProtocol } from './otel-environment.ts';

/** A metric reader, passed on and never called here. */
export type MetricReaderShape = object;

interface MetricsModule {
  readonly PeriodicExportingMetricReader: new (options: object) => MetricReaderShape;
  readonly ConsoleMetricExporter: new () => object;
}

interface OtlpModule {
  readonly OTLPMetricExporter: new () => object;
}

interface PrometheusModule {
  readonly PrometheusExporter: new (config: object) => MetricReaderShape;
}

const OTLP_PACKAGES = {
  grpc: '@opentelemetry/exporter-metrics-otlp-grpc',
  'http/json': '@opentelemetry/exporter-metrics-otlp-http',
  'http/protobuf': '@opentelemetry/exporter-metrics-otlp-proto',
} as const;

const DEFAULT_INTERVAL_MILLIS = 60_000;
const DEFAULT_TIMEOUT_MILLIS = 30_000;

/**
 * The metric readers NodeSDK would build from `OTEL_METRICS_EXPORTER` and `OTEL_EXPORTER_OTLP_*`. NodeSDK builds them
 * only where its configuration names no `metricReaders`, and adding one means naming them.
 */
export function metricReadersFromEnvironment(require: Require): MetricReaderShape[] {
  const listed = otelList('OTEL_METRICS_EXPORTER');
  if (listed.includes('none')) return [];
  const names = listed.length === 0 ? ['otlp'] : listed;
  return names.map((name) => metricReader(name, require)).filter((reader) => reader !== undefined);
}

function metricReader(name: string, require: Require): MetricReaderShape | undefined {
  if (name === 'otlp') {
    const { OTLPMetricExporter } = require(OTLP_PACKAGES[otlpProtocol('METRICS')]) as OtlpModule;
    return periodicReader(require, new OTLPMetricExporter());
  }
  if (name === 'console') {
    const { ConsoleMetricExporter, PeriodicExportingMetricReader } = metricsModule(require);
    return new PeriodicExportingMetricReader({ exporter: new ConsoleMetricExporter() });
  }
  if (name === 'prometheus') {
    const { PrometheusExporter } = require('@opentelemetry/exporter-prometheus') as PrometheusModule;
    return new PrometheusExporter({
      host: otelString('OTEL_EXPORTER_PROMETHEUS_HOST'),
      port: otelNumber('OTEL_EXPORTER_PROMETHEUS_PORT'),
    });
  }
  diag.warn(
    `Unsupported OTEL_METRICS_EXPORTER value: "${name}". Supported values are: otlp, console, prometheus, none.`,
  );
  return undefined;
}

function periodicReader(require: Require, exporter: object): MetricReaderShape {
  const interval = otelPositiveNumber('OTEL_METRIC_EXPORT_INTERVAL') ?? DEFAULT_INTERVAL_MILLIS;
  const timeout = otelPositiveNumber('OTEL_METRIC_EXPORT_TIMEOUT') ?? DEFAULT_TIMEOUT_MILLIS;
  if (timeout > interval) {
    diag.info(
      `OTEL_METRIC_EXPORT_TIMEOUT (${timeout}) is above the interval (${interval}) and is cut to it.`,
    );
  }
  return new (metricsModule(require).PeriodicExportingMetricReader)({
    exporter,
    exportIntervalMillis: interval,
    // The reader refuses a timeout above its interval.
    exportTimeoutMillis: Math.min(timeout, interval),
  });
}

function metricsModule(require: Require): MetricsModule {
  return require('@opentelemetry/sdk-metrics') as MetricsModule;
}
