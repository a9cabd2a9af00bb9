// One night at a small climate archive: three pipelines over real public data (vega-datasets). The first has to
// come back for a file, the second fails because the data really has gaps, the third makes do without it.
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { startArchive } from './archive.ts';
import { writeClimateReport } from './climate-report.ts';
import { importCo2 } from './co2-import.ts';
import { showLedger } from './ledger-summary.ts';
import { startProgress } from './progress.ts';
import { readOwnMetrics, startTelemetry } from './telemetry.ts';
import { Warehouse } from './warehouse.ts';
import { importWeather } from './weather-import.ts';

const folder = '.runledger';
mkdirSync(folder, { recursive: true });

const telemetry = startTelemetry();
const archive = await startArchive();
const warehouse = new Warehouse(join(folder, 'climate.db'));
const progress = startProgress(20);
const night = { archive: archive.url, warehouse, progress, reportPath: join(folder, 'climate-report.md') };

const failed: string[] = [];
for (const pipeline of [importWeather, importCo2, writeClimateReport]) {
  try {
    await pipeline(night);
  } catch (error) {
    // A scheduler would alert somebody. Here the ledger tells, below, what happened.
    failed.push(error instanceof Error ? error.message : String(error));
  }
}
progress.stop();

const metrics = await readOwnMetrics();
await archive.close();
warehouse.close();
if (!process.argv.includes('--serve')) await telemetry.shutdown();

await showLedger({ failed, metrics, reportPath: night.reportPath, warehousePath: warehouse.path });

if (process.argv.includes('--serve')) {
  process.stdout.write('Serving metrics. Ctrl-C ends it.\n');
  process.once('SIGINT', () => void telemetry.shutdown());
}
