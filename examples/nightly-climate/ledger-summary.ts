import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { METRICS_URL } from './telemetry.ts';

/** What there is to say about the night beside the ledger. */
export interface Summary {
  /** What Prometheus would have read at the end. */
  readonly metrics: string | undefined;
  /** Whether the metrics stay up. */
  readonly isServing: boolean;
  /** Why the collector did not get all spans, where there is one and it did not. */
  readonly undelivered: unknown;
  readonly reportPath: string;
  readonly warehousePath: string;
}

const LEDGER = '.runledger/ledger.db';
const CLI = fileURLToPath(new URL('./dist/cli.js', import.meta.resolve('runledger/package.json')));

/** Prints what the ledger knows of the night, by the command line tool, and where to look further. */
export async function showLedger(summary: Summary): Promise<void> {
  print(`\n$ runledger runs --limit 3\n${await runledger('runs', '--limit', '3')}`);
  const options = ['runs', '--failed', '--name', 'co2-import', '--limit', '1', '--json'];
  const { runs } = JSON.parse(await runledger(...options)) as { runs: readonly { run_id: string }[] };
  for (const { run_id } of runs) {
    print(`$ runledger show ${run_id}\n${await runledger('show', run_id)}`);
    print('That run fails by design: the series really has those gaps.\n');
  }
  print(`Ledger     ${LEDGER} (every npm start adds to it)`);
  print(`Warehouse  ${summary.warehousePath}`);
  print(`Report     ${summary.reportPath}`);
  print(`Metrics    ${metricsText(summary)}`);
  print(`Traces     ${tracesText(summary)}`);
  print('\nNext  npx runledger show last');
  print('      npx runledger failures');
  print(
    '      npx runledger sql "select step, status, duration_ms from step_runs order by duration_ms desc limit 5"',
  );
}

function metricsText({ metrics, isServing }: Summary): string {
  if (metrics === undefined) return `${METRICS_URL} belongs to another program, so none were served`;
  const samples = metrics.split('\n').filter((line) => line.startsWith('runledger_')).length;
  if (isServing) return `${METRICS_URL} (${samples} samples)`;
  return `${METRICS_URL} served ${samples} samples until now; "npm start -- --serve" keeps it up`;
}

function tracesText({ undelivered, isServing }: Summary): string {
  const collector = process.env.OTEL_EXPORTER_OTLP_ENDPOINT;
  if (collector === undefined) return 'not sent: OTEL_EXPORTER_OTLP_ENDPOINT is not set';
  if (undelivered !== undefined) return `not delivered to ${collector}: ${undelivered}`;
  return isServing ? `go to ${collector}` : `sent to ${collector}`;
}

async function runledger(...args: string[]): Promise<string> {
  const env = { ...process.env };
  if (process.stdout.isTTY) env.COLUMNS = String(process.stdout.columns);
  if (process.stdout.isTTY && process.stdout.hasColors()) env.FORCE_COLOR = '1';
  const { stdout } = await promisify(execFile)(process.execPath, [CLI, ...args, '--ledger', LEDGER], { env });
  return stdout;
}

function print(text: string): void {
  process.stdout.write(`${text}\n`);
}
