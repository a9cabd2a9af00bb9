import { diag } from '@opentelemetry/api';
import type { Require } from '../instrumentation/sdk-packages.ts';
import type { LogRecordProcessorShape } from '../processor/exception-log-processor.ts';
import { otelList, otelPositiveNumber, otlpProtocol } from './otel-environment.ts';
import { loadSdkLogs, type SdkLogs } from './sdk-logs.ts';

const OTLP_PACKAGES = {
  grpc: '@opentelemetry/exporter-logs-otlp-grpc',
  'http/json': '@opentelemetry/exporter-logs-otlp-http',
  'http/protobuf': '@opentelemetry/exporter-logs-otlp-proto',
} as const;

/** Whether exceptions are reported as log records, beside span events (`logs/dup`) or in their place (`logs`). */
export function exceptionsAreLogged(): boolean {
  const signals = otelList('OTEL_SEMCONV_EXCEPTION_SIGNAL_OPT_IN');
  return signals.includes('logs') || signals.includes('logs/dup');
}

/**
 * The log record processors NodeSDK would build from `OTEL_LOGS_EXPORTER` and `OTEL_EXPORTER_OTLP_*`. NodeSDK builds them
 * only where its configuration names no `logRecordProcessors`, and adding one means naming them.
 */
export function logProcessorsFromEnvironment(require: Require): LogRecordProcessorShape[] {
  const listed = otelList('OTEL_LOGS_EXPORTER');
  if (listed.includes('none')) return [];
  const sdk = loadSdkLogs(require);
  const names = listed.length === 0 ? ['otlp'] : listed;
  return names.map((name) => logProcessor(name, require, sdk)).filter((each) => each !== undefined);
}

function logProcessor(name: string, require: Require, sdk: SdkLogs): LogRecordProcessorShape | undefined {
  if (name === 'console') return sdk.simpleProcessor(sdk.consoleExporter());
  if (name === 'otlp') {
    const module = require(OTLP_PACKAGES[otlpProtocol('LOGS')]);
    const { OTLPLogExporter } = module as { readonly OTLPLogExporter: new () => object };
    return sdk.batchProcessor(new OTLPLogExporter(), {
      maxQueueSize: otelPositiveNumber('OTEL_BLRP_MAX_QUEUE_SIZE'),
      scheduledDelayMillis: otelPositiveNumber('OTEL_BLRP_SCHEDULE_DELAY'),
      exportTimeoutMillis: otelPositiveNumber('OTEL_BLRP_EXPORT_TIMEOUT'),
      maxExportBatchSize: otelPositiveNumber('OTEL_BLRP_MAX_EXPORT_BATCH_SIZE'),
    });
  }
  diag.warn(`Unsupported OTEL_LOGS_EXPORTER value: "${name}". Supported values are: otlp, console, none.`);
  return undefined;
}
