import { metrics, type TracerProvider, trace } from '@opentelemetry/api';
import { logGuarded } from '../export/guarded-log.ts';
import { requireFromSdkNode } from '../instrumentation/sdk-packages.ts';
import { flushAtExit } from './drain-at-exit.ts';
import { exceptionsAreLogged } from './environment-log-processors.ts';
import { joinTracerProvider } from './join-provider.ts';
import { namesDestination, otelBoolean } from './otel-environment.ts';
import { registeredTracerProvider, withdrawLoggerProvider, yieldGlobals } from './otel-globals.ts';
import { announceLedger, claimRegistration, currentRunledger, onReplaced } from './process-ledger.ts';
import { resolveOptions } from './resolve-options.ts';
import { Runledger } from './runledger.ts';
import { SwitchableTracerProvider } from './switchable-tracer-provider.ts';
import { withRunledger } from './with-runledger.ts';

interface SdkNodeModule {
  readonly NodeSDK: new (configuration: object) => { start(): void };
}

/**
 * Starts a NodeSDK with Runledger from the environment, or joins the SDK that already runs: the work of
 * `runledger/register`. Once in a process, and never throwing: what can not be done is said, and the application runs
 * on without it.
 */
export function registerSdk(): void {
  try {
    if (!claimRegistration() || currentRunledger() !== undefined || otelBoolean('OTEL_SDK_DISABLED')) return;
    const options = resolveOptions({}, (problems) => {
      for (const problem of problems) warn(`${problem}; the default is used`);
    });
    if (!options.enabled) return;
    const provider = registeredTracerProvider();
    const sdkNode = provider === undefined ? loadSdkNode() : undefined;
    if (provider === undefined && sdkNode === undefined) return;
    const ledger = announceLedger(() => new Runledger(options));
    if (sdkNode !== undefined) startSdk(ledger, sdkNode);
    else if (provider !== undefined) joinRunningSdk(ledger, provider);
  } catch (error) {
    warn(`not started: ${error instanceof Error ? error.message : String(error)}`);
  }
}

function loadSdkNode(): SdkNodeModule | undefined {
  const require = requireFromSdkNode();
  if (require !== undefined) return require('@opentelemetry/sdk-node') as SdkNodeModule;
  warn('register needs the OpenTelemetry SDK: npm install @opentelemetry/sdk-node @opentelemetry/api');
  return undefined;
}

/** The application set its SDK up before, in an `--import` of its own. */
function joinRunningSdk(ledger: Runledger, provider: TracerProvider): void {
  onReplaced(() => end(ledger));
  join(ledger, provider);
  ledger.instrumentation.setMeterProvider(metrics.getMeterProvider());
}

function startSdk(ledger: Runledger, { NodeSDK }: SdkNodeModule): void {
  const exportsLogs = namesDestination('LOGS');
  const configuration = withRunledger(quietWhereNothingIsNamed(exportsLogs), ledger);
  new NodeSDK(configuration).start();
  if (!exportsLogs && !exceptionsAreLogged()) withdrawLoggerProvider();
  const own = registeredTracerProvider();
  if (own === undefined) return;
  // The ledger drains by itself, with a bound of its own for a store that is down.
  const exporting = configuration.spanProcessors.filter((processor) => processor !== ledger.spanProcessor);
  const meters = metrics.getMeterProvider() as { forceFlush?(): Promise<void> };
  flushAtExit(async () => {
    await Promise.allSettled([...exporting, meters].map((part) => part.forceFlush?.()));
  });

  const switchable = new SwitchableTracerProvider(own);
  trace.disable();
  trace.setGlobalTracerProvider(switchable);
  ledger.instrumentation.setTracerProvider(trace.getTracerProvider());
  let isReplaced = false;
  onReplaced(() => {
    isReplaced = true;
    end(ledger);
  });
  yieldGlobals({
    onTracerProvider(provider) {
      switchable.target = provider;
      if (isReplaced) return;
      join(ledger, provider);
      ledger.instrumentation.setTracerProvider(trace.getTracerProvider());
    },
    onMeterProvider(provider) {
      if (!isReplaced) ledger.instrumentation.setMeterProvider(provider);
    },
  });
}

/**
 * NodeSDK's own default is a collector on this machine. Nobody asked for one here, so without a destination in the
 * environment nothing is exported.
 */
function quietWhereNothingIsNamed(exportsLogs: boolean): object {
  return {
    ...(!namesDestination('TRACES') && { spanProcessors: [] }),
    ...(!namesDestination('METRICS') && { metricReaders: [] }),
    ...(!exportsLogs && { logRecordProcessors: [] }),
  };
}

function join(ledger: Runledger, provider: TracerProvider): void {
  const joined = joinTracerProvider(provider, ledger.spanProcessor, (sampler) => ledger.sampler(sampler));
  if (joined === 'whole') return;
  const advice = 'set the SDK up with withRunledger() instead';
  if (joined === 'sampled spans only') {
    warn(`executions the sampler drops are not recorded, since it can not be wrapped; ${advice}`);
  } else {
    warn(`nothing is recorded, since the application's tracer provider can not be joined; ${advice}`);
  }
}

/** The application has a ledger of its own now. */
function end(ledger: Runledger): void {
  ledger.instrumentation.disable();
  void ledger.shutdown();
}

/** Said through `diag` and as a warning of the process: without an SDK nobody listens to `diag`. */
function warn(message: string): void {
  logGuarded('warn', () => message);
  process.emitWarning(message, { type: 'RunledgerWarning', code: 'RUNLEDGER' });
}
