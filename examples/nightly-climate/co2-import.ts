import { runPipeline } from 'runledger';
import { type CsvLine, DataError, numberIn, parseCsv } from './csv.ts';
import { download } from './download.ts';
import { correlationOf, type Night } from './night.ts';

const FILE = 'co2-concentration.csv';

/**
 * Carbon dioxide at Mauna Loa since 1958. The series really has gaps (in early 1964, for one, the observatory had run
 * out of money), the check finds them, and nothing is loaded: this run fails every night.
 */
export function importCo2({ archive, warehouse, progress }: Night): Promise<void> {
  const options = { correlationId: correlationOf('co2'), version: '1', target: 'co2_monthly' };
  return runPipeline('co2-import', options, async (run) => {
    const text = await run.process('extract', (extract) => download(extract, archive, FILE));
    progress.did('co2-import', 'extract', 2);

    const lines = await run.process('validate', (validate) => {
      const parsed = validate.step('parse', (step) => {
        const all = parseCsv(text);
        step.add({ rowsOut: all.length });
        return all;
      });
      progress.did('co2-import', 'parse', 1);
      validate.step('check months', (step) => {
        step.add({ rowsIn: parsed.length });
        assertEveryMonth(parsed);
      });
      return parsed;
    });

    run.step('load', (step) => {
      const rows = lines.map((line) => ({ month: monthOf(line), ppm: numberIn(line, 'CO2') }));
      step.add({ rowsOut: warehouse.load('co2_monthly', rows) });
    });
  });
}

/** A trend over a series with holes is wrong without looking wrong, so a missing month is an error. */
function assertEveryMonth(lines: readonly CsvLine[]): void {
  const gaps: DataError[] = [];
  for (const [index, line] of lines.entries()) {
    const before = lines[index - 1];
    if (before === undefined || monthNumber(line) === monthNumber(before) + 1) continue;
    const missing = monthNumber(line) - monthNumber(before) - 1;
    const months = missing === 1 ? '1 month is' : `${missing} months are`;
    gaps.push(
      new DataError(
        `line ${line.line}: Date ${line.fields.Date} follows ${before.fields.Date}, ${months} missing in between`,
      ),
    );
  }
  if (gaps.length === 0) return;
  throw new DataError(`${FILE} has ${gaps.length} gaps, the first in ${gaps[0]?.message}`, {
    cause: new AggregateError(gaps, 'months are missing'),
  });
}

function monthOf({ fields }: CsvLine): string {
  return (fields.Date ?? '').slice(0, 7);
}

function monthNumber(line: CsvLine): number {
  const [year, month] = monthOf(line).split('-').map(Number);
  return (year ?? Number.NaN) * 12 + (month ?? Number.NaN);
}
