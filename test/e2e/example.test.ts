import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { createServer, type IncomingMessage } from 'node:http';
import { type AddressInfo, createServer as createTcpServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { buffer } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeAll, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { openLedger } from '../../src/store/sql/ledger-reader.ts';

const EXAMPLE = fileURLToPath(new URL('../../examples/nightly-climate/main.ts', import.meta.url));

// A night takes a few seconds, and a machine may be busy with other tests.
jest.setTimeout(90_000);

describe('npm start', () => {
  let folder: string;
  let freePort: number;

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'runledger-example-'));
  });
  afterEach(() => rm(folder, { recursive: true, force: true }));
  beforeAll(async () => {
    const server = createTcpServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    freePort = (server.address() as AddressInfo).port;
    server.close();
    await once(server, 'close');
  });

  async function start(env: Readonly<Record<string, string>> = {}) {
    const inherited = Object.entries(process.env).filter(
      ([name]) => !/^(RUNLEDGER_|OTEL_|NODE_OPTIONS|FORCE_COLOR)/.test(name),
    );
    const startedAt = performance.now();
    return new Promise<{ exitCode: unknown; stdout: string; stderr: string; seconds: number }>((resolve) => {
      const port = { RUNLEDGER_PROMETHEUS_PORT: String(freePort) };
      execFile(
        process.execPath,
        [EXAMPLE],
        { cwd: folder, env: { ...Object.fromEntries(inherited), NO_COLOR: '1', ...port, ...env } },
        (error, stdout, stderr) =>
          resolve({
            ...{ exitCode: error?.code ?? 0, stdout, stderr },
            seconds: (performance.now() - startedAt) / 1_000,
          }),
      );
    });
  }

  it('runs a night, leaves a ledger that tells the truth about it, and shows it', async () => {
    const { exitCode, stdout, stderr, seconds } = await start();

    expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' });
    expect(seconds).toBeLessThan(45);

    const ledger = await openLedger(join(folder, '.runledger', 'ledger.db'));
    const runs = await ledger.runs();
    expect(runs.map(({ name, outcome, failed_step }) => [name, outcome, failed_step])).toEqual([
      ['climate-report', 'success', null],
      ['co2-import', 'failure', 'check months'],
      ['weather-import', 'success', null],
    ]);
    const [report, , weather] = await Promise.all(runs.map((run) => ledger.run(run.run_id)));
    await ledger.close();
    const failed = runs.find((run) => run.name === 'co2-import');

    // The data really is like that: line 5 of the file is July 1958, line 4 May.
    expect(failed?.error).toBe(
      'DataError: co2-concentration.csv has 3 gaps, the first in line 5: Date 1958-07-01 follows 1958-05-01, 1 month is missing in between',
    );
    expect(JSON.parse(failed?.error_chain ?? '')).toHaveLength(5);
    const downloads = weather?.filter((row) => row.name.startsWith('download')) ?? [];
    expect(downloads.length).toBeGreaterThan(2);
    expect(downloads.filter((row) => row.outcome === 'failure').map((row) => row.error_code)).toEqual(
      Array(downloads.length - 2).fill('HTTP_429'),
    );
    expect(weather?.find((row) => row.name === 'fill gaps')).toMatchObject({ outcome: 'skip' });
    expect(weather?.find((row) => row.name === 'validate')).toMatchObject({ rows_in: 2922, rows_out: 2922 });
    expect(report?.find((row) => row.name === 'temperature-import')).toMatchObject({
      ...{ kind: 'pipeline', outcome: 'success', parent_record_id: runs[0]?.record_id },
    });
    expect(report?.find((row) => row.name === 'CO2 trend')?.skip_reason).toContain('failed its checks');

    const warehouse = new DatabaseSync(join(folder, '.runledger', 'climate.db'), { readOnly: true });
    expect(warehouse.prepare('select count(*) as days from daily_weather').get()).toEqual({ days: 2922 });
    expect(warehouse.prepare('select count(*) as months from co2_monthly').get()).toEqual({ months: 0 });
    warehouse.close();
    expect(await readFile(join(folder, '.runledger', 'climate-report.md'), 'utf8')).toContain(
      '- 2023: +1.17 °C',
    );

    expect(stdout).toContain('weather-import: load done\n');
    expect(stdout).toMatch(/check months .*failure .*◀ failed here/);
    expect(stdout).toMatch(/Metrics {4}http:\/\/127\.0\.0\.1:\d+\/metrics served [1-9]\d+ samples until now/);
    expect(stdout).toContain('Traces     not sent');
  });

  it('sends its spans where the environment says, and adds to the ledger the next time', async () => {
    const received: { url: string; bytes: number; hasRuns: boolean }[] = [];
    const collector = createServer(async (request: IncomingMessage, response) => {
      const body = await buffer(request);
      received.push({ url: request.url ?? '', bytes: body.length, hasRuns: body.includes('weather-import') });
      response.writeHead(200, { 'content-type': 'application/x-protobuf' }).end();
    }).listen(0, '127.0.0.1');
    await once(collector, 'listening');
    const endpoint = `http://127.0.0.1:${(collector.address() as AddressInfo).port}`;

    const { exitCode, stdout } = await start({ OTEL_EXPORTER_OTLP_ENDPOINT: endpoint });
    const again = await start();
    collector.closeAllConnections();
    collector.close();

    expect([exitCode, again.exitCode]).toEqual([0, 0]);
    expect(stdout).toContain(`Traces     sent to ${endpoint}`);
    const traces = received.filter(({ url }) => url === '/v1/traces');
    expect(traces.some(({ hasRuns }) => hasRuns)).toBe(true);
    expect(traces.reduce((sum, { bytes }) => sum + bytes, 0)).toBeGreaterThan(2_000);

    const ledger = await openLedger(join(folder, '.runledger', 'ledger.db'));
    expect(await ledger.runs()).toHaveLength(6);
    await ledger.close();
  });

  it('does not depend on a collector that is not there, and says that nothing arrived', async () => {
    const { exitCode, stdout, seconds } = await start({
      OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:9',
    });

    expect({ exitCode, isTooLong: seconds > 45 }).toEqual({ exitCode: 0, isTooLong: false });
    expect(stdout).toMatch(/Traces {5}not delivered to http:.*ECONNREFUSED/);
    const ledger = await openLedger(join(folder, '.runledger', 'ledger.db'));
    expect(await ledger.runs()).toHaveLength(3);
    await ledger.close();
  });
});
