import type { AddressInfo } from 'node:net';
import { createServer } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { freePort } from '../support/free-port.ts';
import { type OtlpReceiver, startOtlpReceiver } from '../support/otlp-receiver.ts';
import { createProgramFolder, type ProgramFolder } from '../support/program.ts';

let folder: ProgramFolder;
let receiver: OtlpReceiver;

beforeEach(async () => {
  [folder, receiver] = await Promise.all([createProgramFolder(), startOtlpReceiver()]);
});

afterEach(async () => {
  await Promise.all([folder.remove(), receiver.close()]);
});

const SPANS = ['pipeline import', 'step download', 'step load'];
const QUIET = { OTEL_METRICS_EXPORTER: 'none', OTEL_LOGS_EXPORTER: 'none' };

describe('withRunledger', () => {
  it.each(['composed.mjs', 'composed.cjs'])(
    'leaves the exporters of the environment alive: %s',
    async (program) => {
      const { exitCode } = await folder.run(program, { env: collector() });
      expect(exitCode).toBe(0);
      expect([...receiver.spanNames].sort()).toEqual(SPANS);
      expect(receiver.metricNames).toContain('runledger.execution.duration');
      expect(folder.rows().map(({ name }) => name)).toEqual(['download', 'import', 'load']);
    },
  );

  it.each(['processors', 'exporter'])(
    'keeps the %s of the configuration, and adds none of the environment',
    async (mode) => {
      const { stdout } = await folder.run('composed.mjs', {
        args: [mode],
        env: { ...collector(), ...QUIET },
      });
      const { spans, accounts } = JSON.parse(stdout);
      expect(spans.sort()).toEqual(SPANS);
      expect(receiver.spanNames).toEqual([]);
      expect(accounts).toMatchObject({ created: 3, stored: 3, queued: 0 });
    },
  );

  it('exports no span where the sampler of the environment drops them, and records all the same', async () => {
    const env = { ...collector(), OTEL_TRACES_SAMPLER: 'always_off' };
    await folder.run('composed.mjs', { env });
    expect(receiver.spanNames).toEqual([]);
    expect(folder.rows()).toEqual([
      expect.objectContaining({ name: 'download' }),
      expect.objectContaining({ name: 'import', outcome: 'failure', failed_step: 'load' }),
      expect.objectContaining({ name: 'load', outcome: 'failure' }),
    ]);
  });

  it('serves metrics on this machine beside the metric readers of the environment', async () => {
    const port = await freePort();
    const { stdout } = await folder.run('composed.mjs', {
      args: ['environment', 'scrape'],
      env: { ...collector(), RUNLEDGER_PROMETHEUS_PORT: String(port) },
    });
    expect(stdout).toMatch(/^runledger_execution_duration_count\{runledger_kind="pipeline".*\} 1$/m);
    expect(stdout).toMatch(/^runledger_records_created_total\S* 3$/m);
    expect(receiver.metricNames).toContain('runledger.execution.duration');
  });

  it('runs on where the port of the metrics is taken', async () => {
    const taken = createServer();
    await new Promise<void>((resolve) => taken.listen(0, '127.0.0.1', resolve));
    const { exitCode, stderr } = await folder.run('composed.mjs', {
      env: {
        ...collector(),
        OTEL_LOG_LEVEL: 'warn',
        RUNLEDGER_PROMETHEUS_PORT: String((taken.address() as AddressInfo).port),
      },
    });
    await new Promise((resolve) => taken.close(resolve));
    expect(exitCode).toBe(0);
    expect(stderr).toContain('metrics are not served on 127.0.0.1');
    expect(folder.rows()).toHaveLength(3);
  });

  it.each(['logs', 'logs/dup'])(
    'joins exceptions that are reported as %s, and leaves the log exporters of the environment alive',
    async (signals) => {
      await folder.run('exception-logs.mjs', {
        env: { ...collector(), OTEL_SEMCONV_EXCEPTION_SIGNAL_OPT_IN: signals },
      });
      expect(receiver.logRecords).toBe(1);
      expect(folder.rows()).toEqual([
        expect.objectContaining({ name: 'load', error: 'TypeError: rows is undefined' }),
      ]);
    },
  );

  it('joins exceptions where no log is exported', async () => {
    await folder.run('exception-logs.mjs', {
      env: { ...collector(), ...QUIET, OTEL_SEMCONV_EXCEPTION_SIGNAL_OPT_IN: 'logs' },
    });
    expect(receiver.logRecords).toBe(0);
    expect(folder.rows()).toEqual([expect.objectContaining({ error: 'TypeError: rows is undefined' })]);
  });

  it('joins exceptions beside the log record processors of the configuration', async () => {
    const { stdout } = await folder.run('exception-logs.mjs', { args: ['processors'], env: collector() });
    expect(JSON.parse(stdout)).toEqual({ seen: ['rows is undefined'] });
    expect(receiver.logRecords).toBe(0);
    expect(folder.rows()).toEqual([expect.objectContaining({ error: 'TypeError: rows is undefined' })]);
  });

  it('makes no span of its own where the file system is instrumented', async () => {
    const { stdout } = await folder.run('instrumented.mjs');
    const { names, later, stored } = JSON.parse(stdout);
    const times = Array(100).fill(undefined);
    expect(names).toEqual(times.flatMap(() => ['fs stat', 'step load', 'pipeline import']));
    expect({ later, stored }).toEqual({ later: 0, stored: 200 });
  });

  it('exports and keeps everything once where it is applied, and shut down, twice', async () => {
    const { exitCode, stdout } = await folder.run('composed.mjs', {
      args: ['processors', 'twice'],
      env: QUIET,
    });
    expect(exitCode).toBe(0);
    expect(JSON.parse(stdout).spans.sort()).toEqual(SPANS);
    expect(folder.rows().map(({ name }) => name)).toEqual(['download', 'import', 'load']);
  });

  it('keeps the records of a program that forgets to shut its SDK down', async () => {
    await folder.run('composed.mjs', { args: ['processors', 'leave'], env: QUIET });
    expect(folder.rows().map(({ name }) => name)).toEqual(['download', 'import', 'load']);
  });

  it('refuses a variable that can not work', async () => {
    const { exitCode, stderr } = await folder.run('composed.mjs', { env: { RUNLEDGER_SLOW_MS: 'soon' } });
    expect(exitCode).toBe(1);
    expect(stderr).toContain('TypeError: runledger: RUNLEDGER_SLOW_MS (soon) must be a number at least 0');
  });

  it('leaves the configuration as it was where it is disabled', async () => {
    await folder.run('composed.mjs', { env: { ...collector(), RUNLEDGER_DISABLED: 'true' } });
    expect([...receiver.spanNames].sort()).toEqual(SPANS);
    expect(folder.rows()).toEqual([]);
  });
});

function collector(): Readonly<Record<string, string>> {
  return { OTEL_EXPORTER_OTLP_ENDPOINT: receiver.endpoint, OTEL_EXPORTER_OTLP_PROTOCOL: 'http/json' };
}
