import { writeFileSync } from 'node:fs';
import { type Execution, runPipeline } from 'runledger';
import { numberIn, parseCsv } from './csv.ts';
import { download } from './download.ts';
import { correlationOf, type Night } from './night.ts';
import type { Warehouse } from './warehouse.ts';

/** A page on what the warehouse holds. It starts the import of global temperatures itself, as a pipeline of its own. */
export function writeClimateReport(night: Night): Promise<void> {
  const { warehouse, progress, reportPath } = night;
  const options = { correlationId: correlationOf('report'), version: '1', target: reportPath };
  return runPipeline('climate-report', options, async (run) => {
    await importTemperatures(night);

    const chapters = await run.process('chapters', (process) =>
      Promise.all([
        warmestYears(process, warehouse),
        wettestMonths(process, warehouse),
        co2Trend(process, warehouse),
      ]),
    );
    progress.did('climate-report', 'chapters', 3);

    run.step('write', () =>
      writeFileSync(reportPath, `# Climate report\n\n${chapters.filter(Boolean).join('\n\n')}\n`),
    );
    progress.did('climate-report', 'write', 1);
  });
}

/** The difference of each year's temperature from the mean of 1951 to 1980, by NASA. */
function importTemperatures({ archive, warehouse, progress }: Night): Promise<void> {
  return runPipeline('temperature-import', { version: '1', target: 'global_temperature' }, async (run) => {
    const text = await download(run, archive, 'global-temp.csv');
    const rows = parseCsv(text).map((line) => ({
      year: numberIn(line, 'year'),
      anomaly: numberIn(line, 'temp'),
    }));
    run.step('load', (step) => step.add({ rowsOut: warehouse.load('global_temperature', rows) }));
    progress.did('temperature-import', 'load', 2);
  });
}

async function warmestYears(within: Execution, warehouse: Warehouse): Promise<string> {
  return within.step('warmest years', (step) => {
    const rows = warehouse.query(
      'select year, anomaly from global_temperature order by anomaly desc limit 5',
    );
    step.add({ rowsIn: rows.length });
    return `## Warmest years\n\n${rows.map((row) => `- ${row.year}: +${row.anomaly} °C`).join('\n')}`;
  });
}

async function wettestMonths(within: Execution, warehouse: Warehouse): Promise<string> {
  return within.step('wettest months', (step) => {
    const rows = warehouse.query(
      'select station, month, round(precipitation) as mm from monthly_weather order by precipitation desc limit 5',
    );
    step.add({ rowsIn: rows.length });
    return `## Wettest months\n\n${rows.map((row) => `- ${row.station}, ${row.month}: ${row.mm} mm`).join('\n')}`;
  });
}

async function co2Trend(within: Execution, warehouse: Warehouse): Promise<string> {
  return within.step('CO2 trend', (step) => {
    const rows = warehouse.query(
      'select substr(month, 1, 4) as year, avg(ppm) as ppm from co2_monthly group by 1',
    );
    if (rows.length === 0) {
      step.skip('no CO2 series in the warehouse: tonight’s import failed its checks');
      return '';
    }
    return `## CO2\n\n${rows.map((row) => `- ${row.year}: ${row.ppm} ppm`).join('\n')}`;
  });
}
