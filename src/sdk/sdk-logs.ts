import type { Require } from '../instrumentation/sdk-packages.ts';
import type { LogRecordProcessorShape } from '../processor/exception-log-processor.ts';
import type { BatchProcessorConfig } from './sdk-trace.ts';

/** A log record exporter, passed on and never called here. */
export type LogRecordExporterShape = object;

/** What is built from the SDK's logs package, whichever version is installed. */
export interface SdkLogs {
  consoleExporter(): LogRecordExporterShape;
  simpleProcessor(exporter: LogRecordExporterShape): LogRecordProcessorShape;
  batchProcessor(exporter: LogRecordExporterShape, config: BatchProcessorConfig): LogRecordProcessorShape;
}

interface LogsModule {
  readonly ConsoleLogRecordExporter: new () => LogRecordExporterShape;
  readonly SimpleLogRecordProcessor: new (argument: object) => LogRecordProcessorShape;
  readonly BatchLogRecordProcessor: new (argument: object, config?: object) => LogRecordProcessorShape;
}

/** Loads the logs package sdk-node depends on. */
export function loadSdkLogs(require: Require): SdkLogs {
  const module = require('@opentelemetry/sdk-logs') as LogsModule;
  const takesObject = takesOneObject(module);
  return {
    consoleExporter: () => new module.ConsoleLogRecordExporter(),
    simpleProcessor: (exporter) => new module.SimpleLogRecordProcessor(takesObject ? { exporter } : exporter),
    batchProcessor: (exporter, config) =>
      takesObject
        ? new module.BatchLogRecordProcessor({ exporter, ...config })
        : new module.BatchLogRecordProcessor(exporter, config),
  };
}

/**
 * The processors take one object from 0.220 on and the exporter first before, on both lines: which exporter is shut
 * down tells. Nothing else does, since the package's version can not be required.
 */
function takesOneObject({ SimpleLogRecordProcessor }: LogsModule): boolean {
  let isWithin = false;
  const ignore = () => Promise.resolve();
  const within = {
    export() {},
    forceFlush: ignore,
    shutdown: () => {
      isWithin = true;
      return Promise.resolve();
    },
  };
  const given = { export() {}, forceFlush: ignore, shutdown: ignore, exporter: within };
  void new SimpleLogRecordProcessor(given).shutdown().catch(() => undefined);
  return isWithin;
}
