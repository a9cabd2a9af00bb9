// One night at a small climate archive: three pipelines over real public data (vega-datasets). The first has to
// come back for a file, the second fails because the data really has gaps, the third makes do without it.
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { currentRunledger } from 'runledger';
import { startArchive } from './archive.ts';
import { writeClimateReport } from './climate-report.ts';
import { importCo2 } from './co2-import.ts';
import { showLedger } from './ledger-summary.ts';
import { startProgress } from './progress.ts';
import { readOwnMetrics, startTelemetry } from './telemetry.ts';
import { Warehouse } from './warehouse.ts';
import { importWeather } from './weather-import.ts';

const PIPELINES = {
  'weather-import': importWeather,
  'co2-import': importCo2,
  'climate-report': writeClimateReport,
};
const folder = '.runledger';
const isServing = process.argv.includes('--serve');

mkdirSync(folder, { recursive: true });
const telemetry = startTelemetry();
const archive = await startArchive();
const warehouse = new Warehouse(join(folder, 'climate.db'));
const progress = startProgress(20);
const night = { archive: archive.url, warehouse, progress, reportPath: join(folder, 'climate-report.md') };

const failures = new Map<string, unknown>();
for (const [name, pipeline] of Object.entries(PIPELINES)) {
  // A scheduler would alert somebody. Here the ledger tells, below, what happened.
  await pipeline(night).catch((error: unknown) => failures.set(name, error));
}
progress.stop();

const metrics = await readOwnMetrics();
await archive.close();
warehouse.close();
await currentRunledger()?.forceFlush();
// It rejects where a collector did not take the spans. The ledger does not depend on that.
const undelivered: unknown = isServing
  ? undefined
  : await telemetry.shutdown().catch((error: unknown) => error);
await showLedger({
  metrics,
  isServing,
  undelivered,
  reportPath: night.reportPath,
  warehousePath: warehouse.path,
});

// The gaps in the CO2 series are real, so that run fails by design. Any other failure is one of this program.
failures.delete('co2-import');
for (const [name, error] of failures) {
  process.stderr.write(`${name} failed, which it should not: ${error}\n`);
  process.exitCode = 1;
}

if (isServing) {
  process.stdout.write('\nServing metrics until Ctrl-C.\n');
  const keepsRunning = setInterval(() => {}, 60_000);
  process.once('SIGINT', async () => {
    clearInterval(keepsRunning);
    await telemetry.shutdown().catch(() => {});
  });
}
