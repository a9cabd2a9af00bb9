import { type Require, requireFromSdkNode } from '../instrumentation/sdk-packages.ts';
import type { LogRecordProcessorShape } from '../processor/exception-log-processor.ts';
import type { SamplerShape } from '../processor/record-sampler.ts';
import type { SpanProcessorShape } from '../records/ended-span.ts';
import { exceptionsAreLogged, logProcessorsFromEnvironment } from './environment-log-processors.ts';
import { type MetricReaderShape, metricReadersFromEnvironment } from './environment-metric-readers.ts';
import { samplerFromEnvironment } from './environment-sampler.ts';
import {
  batchProcessorFromEnvironment,
  spanProcessorsFromEnvironment,
} from './environment-span-processors.ts';
import type { LedgerInstrumentation } from './ledger-instrumentation.ts';
import type { RunledgerOptions } from './options.ts';
import { otelBoolean } from './otel-environment.ts';
import { prometheusReader } from './prometheus.ts';
import { createRunledger, Runledger } from './runledger.ts';
import { loadSdkTrace, type SdkTrace, type SpanExporterShape } from './sdk-trace.ts';

/** The part of a NodeSDK configuration that is read here; everything else is passed on as it is. */
interface ReadConfiguration {
  readonly sampler?: SamplerShape;
  readonly spanProcessors?: readonly SpanProcessorShape[];
  /** Deprecated on the 2.x line, gone on 3.x. */
  readonly spanProcessor?: SpanProcessorShape;
  readonly traceExporter?: SpanExporterShape;
  readonly metricReaders?: readonly MetricReaderShape[];
  /** Deprecated on the 2.x line, gone on 3.x. */
  readonly metricReader?: MetricReaderShape;
  readonly logRecordProcessors?: readonly LogRecordProcessorShape[];
  /** Deprecated on the 2.x line, gone on 3.x. */
  readonly logRecordProcessor?: LogRecordProcessorShape;
  readonly instrumentations?: readonly unknown[];
}

/**
 * What is added to a configuration. `metricReaders` are too, where Prometheus is asked for, and `logRecordProcessors`
 * where there are some or exceptions are reported as log records.
 */
export interface RunledgerConfiguration {
  sampler: SamplerShape;
  spanProcessors: SpanProcessorShape[];
  instrumentations: LedgerInstrumentation[];
}

/**
 * Adds Runledger to the configuration of a NodeSDK, and takes nothing away:
 *
 * ```js
 * new NodeSDK(withRunledger({ serviceName: 'orders' }, { keep: { rate: 0.1 } })).start();
 * ```
 *
 * Its span processor and instrumentation join yours, and your sampler (or the one `OTEL_TRACES_SAMPLER` names) goes on
 * deciding what is exported, while executions are recorded whatever it decides. NodeSDK builds exporters from `OTEL_*`
 * only where its configuration has none; they are built here then, from the same packages. `shutdown` of the
 * SDK shuts the ledger down; a program that ends without one is waited for, see the guarantees in `docs/operations.md`.
 *
 * The second argument is options, or a ledger made by {@link createRunledger} where its `ready()` and `accounts()` are
 * wanted; `currentRunledger()` finds it too. Throws for options that can not work. With `enabled: false`, and where
 * `OTEL_SDK_DISABLED` is true, the configuration comes back as it was.
 */
export function withRunledger<Configuration extends object>(
  configuration: Configuration = {} as Configuration,
  runledger: RunledgerOptions | Runledger = {},
): Configuration & RunledgerConfiguration {
  const ledger = runledger instanceof Runledger ? runledger : createRunledger(runledger);
  // What is returned then lacks nothing: every field of the addition is optional to NodeSDK.
  if (!ledger.options.enabled || otelBoolean('OTEL_SDK_DISABLED')) {
    return configuration as Configuration & RunledgerConfiguration;
  }
  const given: ReadConfiguration = configuration;
  const sdk = new SdkParts();
  const metricReaders = metricReadersWith(given, ledger, sdk);
  const logRecordProcessors = logProcessorsWith(given, ledger, sdk);
  return {
    ...configuration,
    sampler: ledger.sampler(given.sampler ?? samplerFromEnvironment(sdk.trace)),
    spanProcessors: [...spanProcessorsOf(given, sdk), ledger.spanProcessor],
    instrumentations: [...(given.instrumentations ?? []), ledger.instrumentation] as LedgerInstrumentation[],
    ...(metricReaders !== undefined && { metricReaders }),
    ...(logRecordProcessors !== undefined && { logRecordProcessors }),
  };
}

/** The packages sdk-node brings, loaded when something has to be built from them. */
class SdkParts {
  #require: Require | undefined;
  #trace: SdkTrace | undefined;

  get require(): Require {
    this.#require ??= requireFromSdkNode();
    if (this.#require !== undefined) return this.#require;
    throw new Error(
      'runledger: withRunledger needs @opentelemetry/sdk-node, which is not installed (npm install @opentelemetry/sdk-node)',
    );
  }

  get trace(): SdkTrace {
    this.#trace ??= loadSdkTrace(this.require);
    return this.#trace;
  }
}

/** What NodeSDK would build of its configuration and the environment, in its own order of precedence. */
function spanProcessorsOf(given: ReadConfiguration, sdk: SdkParts): readonly SpanProcessorShape[] {
  if (given.spanProcessors !== undefined) return given.spanProcessors;
  if (given.spanProcessor !== undefined) return [given.spanProcessor];
  if (given.traceExporter !== undefined)
    return [batchProcessorFromEnvironment(given.traceExporter, sdk.trace)];
  return spanProcessorsFromEnvironment(sdk.require, sdk.trace);
}

/** The readers with the one for Prometheus, or undefined where there is nothing to add. */
function metricReadersWith(
  given: ReadConfiguration,
  { options }: Runledger,
  sdk: SdkParts,
): readonly MetricReaderShape[] | undefined {
  if (options.prometheus === false) return undefined;
  const reader = prometheusReader(options.prometheus);
  if (reader === undefined) return undefined;
  if (given.metricReaders !== undefined) return [...given.metricReaders, reader];
  if (given.metricReader !== undefined) return [given.metricReader, reader];
  return [...metricReadersFromEnvironment(sdk.require), reader];
}

/** The processors with the one that joins exceptions, or undefined where there is nothing to add. */
function logProcessorsWith(
  given: ReadConfiguration,
  { logRecordProcessor }: Runledger,
  sdk: SdkParts,
): readonly LogRecordProcessorShape[] | undefined {
  const named = given.logRecordProcessors ?? (given.logRecordProcessor && [given.logRecordProcessor]);
  if (named !== undefined && named.length > 0) return [...named, logRecordProcessor];
  if (!exceptionsAreLogged()) return undefined;
  return [...(named ?? logProcessorsFromEnvironment(sdk.require)), logRecordProcessor];
}
