import { mkdir, mkdtemp, open, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { Check } from '../../src/cli/doctor/check.ts';
import { checkNode } from '../../src/cli/doctor/node-check.ts';
import { checkOtelPackages } from '../../src/cli/doctor/otel-packages.ts';
import { runCli } from '../support/cli.ts';
import { runRecord } from '../support/execution-records.ts';
import { createLedgerFile } from '../support/ledger-file.ts';

const MODULES = fileURLToPath(new URL('../../node_modules', import.meta.url));

describe('runledger doctor', () => {
  let app: string;

  beforeEach(async () => {
    app = await mkdtemp(join(tmpdir(), 'runledger-doctor-test-'));
  });
  afterEach(() => rm(app, { recursive: true, force: true }));

  /** Installs a package: a link to the real one, or where a version is given, one that consists of its manifest. */
  async function install(name: string, version?: string, within = app): Promise<string> {
    const folder = join(within, 'node_modules', name);
    await mkdir(dirname(folder), { recursive: true });
    if (version === undefined) {
      await symlink(join(MODULES, name), folder);
    } else {
      await mkdir(folder);
      await writeFile(join(folder, 'package.json'), JSON.stringify({ name, version }));
    }
    return folder;
  }

  async function doctor(...args: string[]) {
    const result = await runCli(['doctor', '--json', ...args], { cwd: app });
    const report: { schema_version: number; ok: boolean; checks: Check[] } = JSON.parse(result.stdout);
    const status = (name: string) => report.checks.find((check) => check.name === name)?.status;
    const message = (name: string) => report.checks.find((check) => check.name === name)?.message;
    return { ...result, report, status, message };
  }

  const statuses = (checks: readonly Check[]) => checks.map(({ name, status }) => `${name} ${status}`);

  it('judges the version of Node.js', () => {
    expect(checkNode('22.15.9')).toMatchObject({ status: 'fail', fix: expect.stringContaining('22.16') });
    expect(checkNode('22.16.0').status).toBe('ok');
    expect(checkNode('26.0.0').status).toBe('ok');
  });

  it('is content with a supported SDK that shares its API with everybody', async () => {
    await install('@opentelemetry/api');
    await install('@opentelemetry/sdk-node');

    const checks = checkOtelPackages(app);

    expect(statuses(checks)).toEqual(['otel-api ok', 'otel-sdk ok', 'otel-sdk ok', 'otel-api-copies ok']);
    expect(checks[2]?.message).toMatch(/^@opentelemetry\/sdk-trace 3\./);
  });

  it('says what to install where there is no OpenTelemetry', () => {
    const checks = checkOtelPackages(app);

    expect(statuses(checks)).toEqual(['otel-api fail', 'otel-sdk fail']);
    for (const check of checks) expect(check.fix).toMatch(/^npm install/);
  });

  it('warns of a second copy of the API, and fails where the SDK has an older one than we do', async () => {
    await install('@opentelemetry/api', '1.9.0');
    await install('@opentelemetry/sdk-trace');
    expect(statuses(checkOtelPackages(app))).toEqual(['otel-api ok', 'otel-sdk ok', 'otel-api-copies warn']);

    await rm(join(app, 'node_modules/@opentelemetry/sdk-trace'));
    await install('@opentelemetry/sdk-trace', '3.0.0');
    const copies = checkOtelPackages(app).at(-1);
    expect(copies).toMatchObject({ name: 'otel-api-copies', status: 'fail' });
    expect(copies?.message).toContain('1.9.0');
  });

  it('refuses versions nobody tried', async () => {
    await install('@opentelemetry/api', '1.4.1');
    const sdkNode = await install('@opentelemetry/sdk-node', '0.45.0');
    await install('@opentelemetry/sdk-trace-base', '1.18.0', sdkNode);

    const checks = checkOtelPackages(app);

    expect(statuses(checks).slice(0, 3)).toEqual(['otel-api fail', 'otel-sdk fail', 'otel-sdk fail']);
    expect(checks[0]?.fix).toContain('>=1.9.0');
  });

  it('checks the ledger, and finds damage', async () => {
    const ledger = await createLedgerFile(
      Array.from({ length: 2_000 }, (_, index) =>
        runRecord({ runId: `damaged-run-${index}`, startedAt: Date.now() - index * 3_600_000 }),
      ),
    );
    const whole = await doctor('--ledger', ledger.path);
    expect(whole.message('ledger')).toBe(`${ledger.path}: 2,000 records of 2,000 runs`);
    expect(
      ['ledger', 'ledger-schema', 'ledger-integrity', 'ledger-quarantine', 'ledger-retention'].map(
        whole.status,
      ),
    ).toEqual(Array(5).fill('ok'));
    expect(whole.message('ledger-space')).toMatch(/^\d+\.\d MiB, \d+\.\d KiB a day; .* free$/);

    const file = await open(ledger.path, 'r+');
    for (let page = 40; page < 60; page++)
      await file.write(Buffer.alloc(2_000, 0x5a), 0, 2_000, page * 4_096 + 8);
    await file.close();
    const damaged = await doctor('--ledger', ledger.path);
    await ledger.remove();

    expect(damaged.exitCode).toBe(1);
    expect(damaged.report.ok).toBe(false);
    const failures = damaged.report.checks.filter(
      (check) => check.status === 'fail' && check.name.startsWith('ledger'),
    );
    expect(failures).toHaveLength(1);
    expect(failures[0]?.fix).toBeDefined();
  });

  it('takes a missing ledger for a program that has not run yet', async () => {
    const { status, message } = await doctor();

    expect(status('ledger')).toBe('warn');
    expect(message('ledger')).toContain('.runledger/ledger.db');
  });

  it('finds a set-up that can not start, and shows what it said', async () => {
    await writeFile(join(app, 'broken.mjs'), 'throw new Error("no such collector");');

    const { exitCode, status, message } = await doctor('--import', './broken.mjs');

    expect(exitCode).toBe(1);
    expect(status('runtime')).toBe('fail');
    expect(message('runtime')).toContain('before the probe ran: Error: no such collector');
  });
});
