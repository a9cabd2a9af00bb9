import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Check } from '../../src/cli/doctor/check.ts';
import { ENGINES } from '../../src/engines.ts';
import { runCli } from '../support/cli.ts';

const MODULES = fileURLToPath(new URL('../../node_modules', import.meta.url));
const RUNLEDGER = new URL('../../src/index.ts', import.meta.url).href;

/** Set-ups as applications have them, each with one thing that matters. */
const SETUPS = {
  'with-runledger.mjs': `
    import { NodeSDK } from '@opentelemetry/sdk-node';
    import { withRunledger } from '${RUNLEDGER}';
    new NodeSDK(withRunledger({ serviceName: 'app' })).start();`,
  'store-in-code.mjs': `
    import { NodeSDK } from '@opentelemetry/sdk-node';
    import { withRunledger } from '${RUNLEDGER}';
    new NodeSDK(withRunledger({}, { store: 'sqlite:own.db' })).start();`,
  'chatty.mjs': `
    console.log('{"starting": true}'); console.error('hello');
    await import('./with-runledger.mjs');`,
  'without-runledger.mjs': `
    import { NodeSDK } from '@opentelemetry/sdk-node';
    new NodeSDK({ serviceName: 'app' }).start();`,
  'dropping-sampler.mjs': `
    import { context, trace } from '@opentelemetry/api';
    import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
    import { AlwaysOffSampler, TracerProvider } from '@opentelemetry/sdk-trace';
    import { createRunledger } from '${RUNLEDGER}';
    const ledger = createRunledger();
    context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
    trace.setGlobalTracerProvider(
      new TracerProvider({ sampler: new AlwaysOffSampler(), spanProcessors: [ledger.spanProcessor] }),
    );
    ledger.instrumentation.enable();`,
  'no-context.mjs': `
    import { trace } from '@opentelemetry/api';
    import { TracerProvider } from '@opentelemetry/sdk-trace';
    import { createRunledger } from '${RUNLEDGER}';
    const ledger = createRunledger();
    trace.setGlobalTracerProvider(new TracerProvider({ spanProcessors: [ledger.spanProcessor] }));
    ledger.instrumentation.enable();`,
  'no-processor.mjs': `
    import { context, trace } from '@opentelemetry/api';
    import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
    import { TracerProvider } from '@opentelemetry/sdk-trace';
    import { createRunledger } from '${RUNLEDGER}';
    createRunledger().instrumentation.enable();
    context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
    trace.setGlobalTracerProvider(new TracerProvider());`,
};

describe('the probe of runledger doctor', () => {
  let app: string;

  beforeAll(async () => {
    app = await mkdtemp(join(tmpdir(), 'runledger-probe-test-'));
    await mkdir(join(app, 'node_modules'));
    await symlink(join(MODULES, '@opentelemetry'), join(app, 'node_modules/@opentelemetry'));
    for (const [name, source] of Object.entries(SETUPS)) await writeFile(join(app, name), source);
  });
  afterAll(() => rm(app, { recursive: true, force: true }));

  async function probe(args: readonly string[], env: Readonly<Record<string, string>> = {}) {
    const { exitCode, stdout } = await runCli(['doctor', '--json', ...args], { cwd: app, env });
    const checks: Check[] = JSON.parse(stdout).checks;
    return { exitCode, check: (name: string) => checks.find((check) => check.name === name) };
  }

  it('finds runledger/register at work where no set-up is named, and leaves nothing behind', async () => {
    const before = await readdir(app);

    const { exitCode, check } = await probe([]);

    expect(exitCode).toBe(0);
    expect(check('tracer-provider')?.status).toBe('ok');
    expect(check('context')?.status).toBe('ok');
    expect(check('recording')).toEqual({
      ...{ name: 'recording', status: 'ok' },
      message: 'the ledger sees pipelines and makes records of them',
    });
    expect(check('sampling')?.status).toBe('ok');
    expect(await readdir(app)).toEqual(before);
  });

  it.each(['with-runledger.mjs', 'chatty.mjs'])('finds nothing wrong with %s', async (setup) => {
    const { exitCode, check } = await probe(['--import', setup], {
      OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:9',
    });

    expect(exitCode).toBe(0);
    expect(check('recording')?.status).toBe('ok');
    expect(check('trace-exporters')).toMatchObject({
      status: 'ok',
      message: 'spans also go to OTLPTraceExporter',
    });
  });

  it('writes no row into a store that the set-up names in code', async () => {
    const { exitCode, check } = await probe(['--import', './store-in-code.mjs']);

    expect(exitCode).toBe(0);
    expect(check('recording')).toMatchObject({
      ...{ status: 'ok', message: 'the ledger sees pipelines; records go to sqlite own.db' },
    });
    expect(check('ledger-place')).toMatchObject({
      ...{ status: 'warn', fix: expect.stringContaining('--ledger own.db') },
    });
    expect(existsSync(join(app, 'own.db'))).toBe(false);
  });

  it.each([
    ['./without-runledger.mjs', 'recording', 'without Runledger'],
    ['./dropping-sampler.mjs', 'recording', 'the sampler drops'],
    ['./no-context.mjs', 'context', 'lost at an await'],
    ['./no-processor.mjs', 'recording', "Runledger's span processor is not called"],
  ])('names what is wrong with %s, and the fix', async (setup, name, message) => {
    const { exitCode, check } = await probe(['--import', setup]);

    expect(exitCode).toBe(1);
    expect(check(name)).toMatchObject({ status: 'fail', message: expect.stringContaining(message) });
    expect(check(name)?.fix).toBeTruthy();
  });

  it('sees what the environment switches off', async () => {
    const disabled = await probe(['--import', './with-runledger.mjs'], { OTEL_SDK_DISABLED: 'true' });
    const off = await probe(['--import', './with-runledger.mjs'], { RUNLEDGER_DISABLED: 'true' });
    const unexported = await probe(['--import', './with-runledger.mjs'], { OTEL_TRACES_EXPORTER: 'none' });
    const sampledOut = await probe(['--import', './with-runledger.mjs'], {
      OTEL_TRACES_SAMPLER: 'always_off',
    });

    expect(disabled.exitCode).toBe(1);
    expect(disabled.check('runtime')?.message).toContain('OTEL_SDK_DISABLED');
    expect(off.check('runtime')?.message).toContain('RUNLEDGER_DISABLED');
    expect(unexported.check('trace-exporters')?.message).toContain('OTEL_TRACES_EXPORTER=none');
    expect(sampledOut.check('sampling')?.status).toBe('warn');
    expect(sampledOut.check('recording')?.status).toBe('ok');
  });

  it('lists the engines of the application: their versions, whether they are hooked, and why not', async () => {
    const known = ENGINES.map(({ packageName }) => packageName).join(', ');
    expect((await probe([])).check('engines')).toMatchObject({
      ...{ status: 'ok', message: `none is installed here, so no module is hooked (known: ${known})` },
    });

    const engine = join(app, 'node_modules/listr2');
    await symlink(join(MODULES, 'listr2-6'), engine);
    const hooked = await probe([]);
    const off = await probe([], { RUNLEDGER_ENGINES: 'none' });
    const without = await probe(['--import', './without-runledger.mjs']);
    await rm(engine);
    await mkdir(engine);
    await writeFile(join(engine, 'package.json'), '{ "version": "12.0.0" }');
    const newer = await probe([]);
    await rm(engine, { recursive: true });

    expect(hooked.check('engine-listr2')).toEqual({
      ...{ name: 'engine-listr2', status: 'ok', message: 'listr2 6.6.1 is hooked' },
    });
    expect(off.check('engine-listr2')).toMatchObject({
      ...{ status: 'warn', message: 'listr2 6.6.1 is not hooked: it is switched off' },
    });
    expect(without.check('engine-listr2')?.message).toContain(
      'Runledger is not there when the program starts',
    );
    expect(newer.check('engine-listr2')).toMatchObject({
      status: 'warn',
      message: 'listr2 12.0.0 is left alone: supported are >=6.6.0 <12.0.0',
      fix: expect.stringContaining('Update runledger'),
    });
  });
});
