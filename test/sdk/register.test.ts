import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { type OtlpReceiver, startOtlpReceiver } from '../support/otlp-receiver.ts';
import { createProgramFolder, type ProgramFolder, programPath, REGISTER } from '../support/program.ts';

let folder: ProgramFolder;
let receiver: OtlpReceiver;

beforeEach(async () => {
  [folder, receiver] = await Promise.all([createProgramFolder(), startOtlpReceiver()]);
});

afterEach(async () => {
  await Promise.all([folder.remove(), receiver.close()]);
});

const RUN = [
  expect.objectContaining({ name: 'download', kind: 'step', outcome: 'success', failed_step: null }),
  expect.objectContaining({ name: 'import', kind: 'pipeline', outcome: 'failure', failed_step: 'load' }),
  expect.objectContaining({ name: 'load', kind: 'step', outcome: 'failure', failed_step: null }),
];

describe('runledger/register', () => {
  it.each([
    ['--import', 'pipeline.mjs'],
    ['--import', 'pipeline.cjs'],
    ['-r', 'pipeline.mjs'],
    ['-r', 'pipeline.cjs'],
  ])('records an application that is started with %s: %s', async (flag, program) => {
    await folder.run(program, { node: [flag, REGISTER] });
    expect(folder.rows()).toEqual(RUN);
  });

  it.each(['naturally', 'exit', 'exception', 'rejection'])(
    'keeps every record of a program that ends by %s, and leaves its output and exit code alone',
    async (end) => {
      const plain = await folder.run('pipeline.mjs', { args: [end] });
      const registered = await folder.run('pipeline.mjs', { args: [end], node: ['--import', REGISTER] });
      expect(registered).toEqual(plain);
      expect(folder.rows()).toEqual(RUN);
    },
  );

  it.each(['naturally', 'exit'])(
    'lets a program end by %s although its ledger can not be written',
    async (end) => {
      const options = { args: [end], env: { RUNLEDGER_STORE: 'sqlite:/dev/null/ledger.db' } };
      const plain = await folder.run('pipeline.mjs', options);
      const registered = await folder.run('pipeline.mjs', { ...options, node: ['--import', REGISTER] });
      expect(registered).toEqual(plain);
    },
  );

  it.each([
    ['signal', 'of its own accord'],
    ['handled signal', 'after its handler shut the ledger down, which loses nothing'],
  ])('leaves the end by a %s to the signal, %s', async (end) => {
    const onOutput = (_: string, kill: (signal: NodeJS.Signals) => void) => kill('SIGTERM');
    const plain = await folder.run('pipeline.mjs', { args: [end], onOutput });
    const registered = await folder.run('pipeline.mjs', {
      args: [end],
      onOutput,
      node: ['--import', REGISTER],
    });
    expect(registered).toEqual(plain);
    expect(registered.signal).toBe('SIGTERM');
    if (end === 'handled signal') expect(folder.rows()).toEqual(RUN);
  });

  it('exports nowhere, and says nothing, where the environment names no destination', async () => {
    const { stderr } = await folder.run('pipeline.mjs', {
      node: ['--import', REGISTER],
      env: { OTEL_LOG_LEVEL: 'warn' },
    });
    expect(stderr).toBe('');
  });

  it('exports spans and metrics to the collector the environment names', async () => {
    await folder.run('pipeline.mjs', { node: ['--import', REGISTER], env: collector(receiver) });
    expect([...receiver.spanNames].sort()).toEqual(['pipeline import', 'step download', 'step load']);
    expect(receiver.metricNames).toEqual(
      expect.arrayContaining(['runledger.execution.duration', 'runledger.records.created']),
    );
    expect(folder.rows()).toEqual(RUN);
  });

  it('keeps complete records and root causes where the sampler drops every span', async () => {
    await folder.run('pipeline.mjs', {
      node: ['--import', REGISTER],
      env: { ...collector(receiver), OTEL_TRACES_SAMPLER: 'traceidratio', OTEL_TRACES_SAMPLER_ARG: '0' },
    });
    expect(receiver.spanNames).toEqual([]);
    expect(folder.rows()).toEqual(RUN);
  });

  it.each([
    ['started later', ['--import', REGISTER]],
    ['started before', ['--import', programPath('own-sdk.mjs'), '--import', REGISTER]],
  ])("joins the application's own SDK, %s, which loses nothing", async (_, node) => {
    const { stdout } = await folder.run('own-sdk-pipeline.mjs', { node });
    expect(stdout).toBe('own spans: early, pipeline import, step load\n');
    expect(folder.rows()).toEqual([
      expect.objectContaining({ name: 'import', failed_step: 'load', service_name: 'own' }),
      expect.objectContaining({ name: 'load', service_name: 'own' }),
    ]);
  });

  it.each([
    ['started later', ['--import', REGISTER]],
    ['started before', ['--import', programPath('own-sdk.mjs'), '--import', REGISTER]],
  ])("wraps the sampler of the application's own SDK, %s", async (_, node) => {
    const { stdout } = await folder.run('own-sdk-pipeline.mjs', { node, env: { OWN_SAMPLER: 'off' } });
    expect(stdout).toBe('own spans: \n');
    expect(folder.rows().map(({ name }) => name)).toEqual(['import', 'load']);
  });

  it('says why it records nothing where it can not join, and lets the application run', async () => {
    const { exitCode, stdout, stderr } = await folder.run('pipeline.mjs', {
      node: ['--import', programPath('foreign-provider.mjs'), '--import', REGISTER],
    });
    expect({ exitCode, stdout }).toEqual({ exitCode: 0, stdout: 'worked\n' });
    expect(stderr.match(/RunledgerWarning: nothing is recorded.*withRunledger\(\)/g)).toHaveLength(1);
    expect(folder.rows()).toEqual([]);
  });

  it('makes way for a ledger the application makes itself', async () => {
    await folder.run('own-ledger-pipeline.mjs', { node: ['--import', REGISTER] });
    expect(folder.rows(join('.runledger', 'own.db')).map(({ name }) => name)).toEqual(['import', 'load']);
    expect(folder.rows()).toEqual([]);
  });

  it('starts once, however often it is named', async () => {
    await folder.run('pipeline.mjs', {
      node: ['-r', REGISTER, '--import', REGISTER, '--import', `${REGISTER}?again`],
      env: collector(receiver),
    });
    expect([...receiver.spanNames].sort()).toEqual(['pipeline import', 'step download', 'step load']);
  });

  it("does not run the application's hooks in the store's thread", async () => {
    const loads = join(folder.path, 'loads.txt');
    const counter = programPath('count-loads.mjs');
    await folder.run('pipeline.mjs', {
      node: ['--import', REGISTER],
      env: { NODE_OPTIONS: `--import ${counter}`, LOADS_FILE: loads },
    });
    expect(folder.rows()).toEqual(RUN);
    expect(await readFile(loads, 'utf8')).toBe('loaded\n');
  });

  it.each([
    ['RUNLEDGER_DISABLED', 'true'],
    ['OTEL_SDK_DISABLED', 'true'],
    ['RUNLEDGER_STORE', 'none'],
  ])('makes no ledger with %s=%s', async (name, value) => {
    const end = await folder.run('pipeline.mjs', { node: ['--import', REGISTER], env: { [name]: value } });
    expect(end).toEqual({ exitCode: 0, signal: null, stdout: 'worked\n', stderr: '' });
    expect(folder.rows()).toEqual([]);
  });

  it('warns of a variable it can not use, and goes on with the default', async () => {
    const { exitCode, stderr } = await folder.run('pipeline.mjs', {
      node: ['--import', REGISTER],
      env: { RUNLEDGER_STORE: 'postgres://user:secret@db', RUNLEDGER_KEEP_RATE: '2' },
    });
    expect(exitCode).toBe(0);
    expect(stderr).toContain('RUNLEDGER_KEEP_RATE (2) must be a number from 0 to 1; the default is used');
    expect(stderr).toContain('store (postgres:…) must name a database');
    expect(stderr).not.toContain('secret');
    expect(folder.rows()).toEqual(RUN);
  });

  it('says what to install where there is no SDK, and lets the application run', async () => {
    const withoutSdk = await folder.copyWithoutSdk();
    const { exitCode, stdout, stderr } = await folder.run(withoutSdk.program, {
      node: ['--import', withoutSdk.register],
    });
    expect({ exitCode, stdout }).toEqual({ exitCode: 0, stdout: 'worked\n' });
    expect(stderr.match(/npm install @opentelemetry\/sdk-node @opentelemetry\/api/g)).toHaveLength(1);
    expect(folder.rows()).toEqual([]);
  });
});

function collector({ endpoint }: OtlpReceiver): Readonly<Record<string, string>> {
  return { OTEL_EXPORTER_OTLP_ENDPOINT: endpoint, OTEL_EXPORTER_OTLP_PROTOCOL: 'http/json' };
}
