import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { METRICS_URL } from './telemetry.ts';

/** What there is to say about the night beside the ledger. */
export interface Summary {
  /** Messages of the runs that failed. */
  readonly failed: readonly string[];
  /** What Prometheus would have read at the end. */
  readonly metrics: string | undefined;
  readonly reportPath: string;
  readonly warehousePath: string;
}

const CLI = fileURLToPath(new URL('./dist/cli/main.js', import.meta.resolve('runledger/package.json')));

/** Prints what the ledger knows of the night, by the command line tool, and where to look further. */
export async function showLedger({ failed, metrics, reportPath, warehousePath }: Summary): Promise<void> {
  print(`\n$ runledger runs --limit 3\n${await runledger('runs', '--limit', '3')}`);
  const newestFailure = JSON.parse(await runledger('runs', '--failed', '--limit', '1', '--json')).runs[0];
  if (newestFailure !== undefined) {
    print(`$ runledger show ${newestFailure.run_id}\n${await runledger('show', newestFailure.run_id)}`);
  }
  print(`${failed.length} of 3 runs failed, as it should: ${failed.join('; ')}\n`);
  print(`Ledger     .runledger/ledger.db (grows with every npm start)`);
  print(`Warehouse  ${warehousePath}\nReport     ${reportPath}`);
  print(`Metrics    ${metricsText(metrics)}`);
  const collector = process.env.OTEL_EXPORTER_OTLP_ENDPOINT;
  print(
    `Traces     ${collector === undefined ? 'not sent: OTEL_EXPORTER_OTLP_ENDPOINT is not set' : `sent to ${collector}`}`,
  );
  print('\nNext: npx runledger show last\n      npx runledger failures');
  print(
    '      npx runledger sql "select step, status, duration_ms from step_runs order by duration_ms desc limit 5"',
  );
}

function metricsText(metrics: string | undefined): string {
  if (metrics === undefined) return `${METRICS_URL} belongs to another program, so none were served`;
  const lines = metrics.split('\n').filter((line) => line.startsWith('runledger_')).length;
  if (process.argv.includes('--serve')) return `${METRICS_URL} (${lines} series), until Ctrl-C`;
  return `${METRICS_URL} had ${lines} series; it ended with this program. "npm start -- --serve" keeps it up`;
}

async function runledger(...args: string[]): Promise<string> {
  const env: NodeJS.ProcessEnv = { ...process.env, COLUMNS: String(process.stdout.columns ?? 120) };
  if (process.stdout.isTTY && env.NO_COLOR === undefined) env.FORCE_COLOR ??= '1';
  const { stdout } = await promisify(execFile)(process.execPath, [CLI, ...args], { env });
  return stdout;
}

function print(text: string): void {
  process.stdout.write(`${text}\n`);
}
