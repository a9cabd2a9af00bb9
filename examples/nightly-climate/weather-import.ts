import { type Execution, runPipeline } from 'runledger';
import { type CsvLine, DataError, numberIn, parseCsv } from './csv.ts';
import { download } from './download.ts';
import { correlationOf, type Night } from './night.ts';

type Day = {
  readonly station: string;
  readonly day: string;
  readonly precipitation: number;
  readonly temp_max: number;
  readonly temp_min: number;
  readonly wind: number;
};

const DAY_MS = 86_400_000;

/** Four years of daily weather in Seattle and New York: extract, validate, transform, load. */
export function importWeather({ archive, warehouse, progress }: Night): Promise<void> {
  const options = { correlationId: correlationOf('weather'), version: '1', target: 'daily_weather' };
  return runPipeline('weather-import', options, async (run) => {
    // Both at once: the archive is strict about that, so one of them will have to come back.
    const [observations, normals] = await run.process('extract', (extract) =>
      Promise.all([
        download(extract, archive, 'weather.csv'),
        download(extract, archive, 'seattle-weather-hourly-normals.csv'),
      ]),
    );
    progress.did('weather-import', 'extract', 4);

    const days = run.step('validate', (step) => {
      const lines = parseCsv(observations);
      step.add({ rowsIn: lines.length, rowsOut: lines.length });
      return lines.map(dayFrom);
    });
    run.step('fill gaps', (step) => {
      const gaps = countGaps(days);
      if (gaps === 0) step.skip('no day is missing at either station');
      else throw new DataError(`${gaps} days are missing`);
    });
    progress.did('weather-import', 'validate', 2);

    const months = await run.process('transform', (transform) => {
      const stations = [...new Set(days.map((day) => day.station))];
      return Promise.all(stations.map((station) => aggregate(transform, station, days)));
    });
    run.step('find hot days', (step) => {
      // Days that were warmer on average than the warmest hour of a normal year.
      const warmestHour = Math.max(...parseCsv(normals).map((line) => numberIn(line, 'temperature')));
      const hot = days.filter(
        (day) => day.station === 'Seattle' && (day.temp_max + day.temp_min) / 2 > warmestHour,
      );
      step.add({ rowsIn: days.length, rowsOut: hot.length });
    });
    progress.did('weather-import', 'transform', 3);

    await run.process('load', (load) => {
      load.step('daily_weather', (step) => step.add({ rowsOut: warehouse.load('daily_weather', days) }));
      load.step('monthly_weather', (step) =>
        step.add({ rowsOut: warehouse.load('monthly_weather', months.flat()) }),
      );
    });
    progress.did('weather-import', 'load', 2);
  });
}

function dayFrom(line: CsvLine): Day {
  const { location = '', date = '' } = line.fields;
  const day = {
    station: location,
    day: date,
    precipitation: numberIn(line, 'precipitation'),
    temp_max: numberIn(line, 'temp_max'),
    temp_min: numberIn(line, 'temp_min'),
    wind: numberIn(line, 'wind'),
  };
  if (day.temp_min > day.temp_max) {
    throw new DataError(
      `weather.csv line ${line.line}: temp_min ${day.temp_min} is above temp_max ${day.temp_max}`,
    );
  }
  return day;
}

function countGaps(days: readonly Day[]): number {
  return days.filter((day, index) => {
    const before = days[index - 1];
    if (before?.station !== day.station) return false;
    return Date.parse(day.day) - Date.parse(before.day) !== DAY_MS;
  }).length;
}

async function aggregate(transform: Execution, station: string, days: readonly Day[]) {
  return transform.step(`aggregate ${station}`, (step) => {
    const ofStation = days.filter((day) => day.station === station);
    const months = [...new Set(ofStation.map((day) => day.day.slice(0, 7)))];
    step.add({ rowsIn: ofStation.length, rowsOut: months.length });
    return months.map((month) => {
      const inMonth = ofStation.filter((day) => day.day.startsWith(month));
      return {
        station,
        month,
        temp_mean: sum(inMonth.map((day) => (day.temp_max + day.temp_min) / 2)) / inMonth.length,
        precipitation: sum(inMonth.map((day) => day.precipitation)),
      };
    });
  });
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
