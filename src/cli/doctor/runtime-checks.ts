import { resolve } from 'node:path';
import { type Check, fail, ok, warn } from './check.ts';
import { checkEngines } from './engine-checks.ts';
import type { ProbeReport } from './probe-report.ts';
import { probeRuntime } from './runtime-probe.ts';

const REGISTER =
  'Start the program with "node --import runledger/register", or call withRunledger in its set-up.';

/**
 * Starts the application's set-up in a process of its own, runs one pipeline in it and checks what came of it.
 * `ledger` is the file the other commands would read.
 */
export async function checkRuntime(
  folder: string,
  setup: string | undefined,
  ledger: string | undefined,
): Promise<readonly Check[]> {
  const result = await probeRuntime(folder, setup);
  const name = setup ?? 'runledger/register';
  if ('failure' in result) {
    const fix = `Start it alone to see more: node --import ${name} --eval ""`;
    return [fail('runtime', `${name} could not be started: ${result.failure}`, fix)];
  }
  return [
    ...checksFromReport(result.report, name, process.env),
    ...checkPlace(result.report, folder, ledger),
    ...checkEngines(folder, result.report.engines),
  ];
}

/** Judges what the probe saw. */
function checksFromReport(report: ProbeReport, setup: string, env: NodeJS.ProcessEnv): readonly Check[] {
  if (env.OTEL_SDK_DISABLED?.trim().toLowerCase() === 'true') {
    const fix = 'Unset OTEL_SDK_DISABLED. While it is set there are neither traces nor records.';
    return [fail('runtime', 'OTEL_SDK_DISABLED switches the whole SDK off', fix)];
  }
  if (isTrue(env.RUNLEDGER_DISABLED)) {
    return [warn('runtime', 'RUNLEDGER_DISABLED switches Runledger off', 'Unset it to have records again.')];
  }
  if (report.provider === null) {
    const message = `no tracer provider is registered after ${setup}, so nothing is traced or recorded`;
    return [fail('tracer-provider', message, `${REGISTER} The SDK has to be started before the program.`)];
  }
  return [
    ok('tracer-provider', `${report.provider} is registered`),
    checkContext(report),
    checkRecording(report),
    checkSampling(report),
    checkExporters(report, env),
  ];
}

/** A set-up that names its store in code is the usual reason why the command line shows nothing. */
function checkPlace({ store }: ProbeReport, folder: string, ledger: string | undefined): readonly Check[] {
  if (ledger === undefined || store === null || !store.startsWith('sqlite ')) return [];
  const path = store.slice('sqlite '.length);
  if (resolve(folder, path) === resolve(folder, ledger)) return [];
  const message = `the set-up writes to ${path}, and this command reads ${ledger}`;
  return [warn('ledger-place', message, `Name it: --ledger ${path}, or RUNLEDGER_STORE=sqlite:${path}.`)];
}

function checkContext({ contextSurvives }: ProbeReport): Check {
  if (contextSurvives) return ok('context', 'the context survives an await');
  return fail(
    'context',
    'the context is lost at an await, so steps do not find their pipeline',
    'Register an AsyncLocalStorageContextManager (@opentelemetry/context-async-hooks); NodeSDK does.',
  );
}

function checkRecording({ hasLedger, isRecording, isSeen, records, processors, store }: ProbeReport): Check {
  if (!hasLedger) return fail('recording', 'the SDK runs, but without Runledger', REGISTER);
  if (store === null || store === 'none') {
    return warn(
      'recording',
      'the store is "none", so no record is kept',
      'Set RUNLEDGER_STORE=sqlite:PATH, or store.',
    );
  }
  if (!isRecording) {
    return fail(
      'recording',
      'the sampler drops the spans of pipelines before they can be recorded',
      'Wrap it: sampler: recordExecutions(sampler). withRunledger does that by itself.',
    );
  }
  if (!isSeen || records === 0) {
    const seen = processors.length === 0 ? 'none that can be seen' : processors.join(', ');
    const message = `spans are made, but Runledger's span processor is not called (processors: ${seen})`;
    return fail('recording', message, REGISTER);
  }
  // The probe's records went to memory where the environment decides; a store named in code is shown as it is.
  const target = records === null ? `; records go to ${store}` : '';
  return ok(
    'recording',
    `the ledger sees pipelines${records === null ? '' : ' and makes records of them'}${target}`,
  );
}

function checkSampling({ isSampled }: ProbeReport): Check {
  if (isSampled) return ok('sampling', 'the probe was sampled for tracing');
  const message = 'the probe was not sampled for tracing; records do not depend on that, traces do';
  return warn(
    'sampling',
    message,
    'Fine if a ratio is meant. Else look at OTEL_TRACES_SAMPLER and the sampler option.',
  );
}

function checkExporters({ exporters, processors }: ProbeReport, env: NodeJS.ProcessEnv): Check {
  const chosen = (env.OTEL_TRACES_EXPORTER ?? '').split(',').map((name) => name.trim());
  if (chosen.includes('none')) {
    const fix = 'Fine if only records are meant. Else unset OTEL_TRACES_EXPORTER or name an exporter.';
    return warn('trace-exporters', 'OTEL_TRACES_EXPORTER=none switches trace exporters off', fix);
  }
  if (exporters.length > 0) return ok('trace-exporters', `spans also go to ${exporters.join(', ')}`);
  return warn(
    'trace-exporters',
    `spans go to no exporter (processors: ${processors.join(', ') || 'none that can be seen'}); records do not need one`,
    'For traces set OTEL_EXPORTER_OTLP_ENDPOINT, such as http://127.0.0.1:4318.',
  );
}

function isTrue(text: string | undefined): boolean {
  return text !== undefined && /^(1|true)$/i.test(text.trim());
}
