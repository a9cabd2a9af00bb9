import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { BatchRecordExporter } from 'runledger';
import { openLedger, SqliteRecordStore } from 'runledger/sql';
import { EXECUTION_COLUMNS, rowValuesFromRecord } from '../src/store/execution-row.ts';
import { benchRecord, benchRecords } from './bench-records.ts';
import type { Sample, Suite } from './measure.ts';

const RECORDS = 200_000;
const BATCH = 512;

export const suite: Suite = {
  title: 'Records into SQLite, wall clock',
  variants: { 'raw driver': () => inFolder(rawDriver), ledger: () => inFolder(endToEnd) },
  comparisons: [
    {
      what: 'exporter and store, end to end / prepared inserts of the same schema on the driver',
      figure: 'records/s',
      of: 'ledger',
      against: 'raw driver',
      goal: { atLeast: 0.9 },
    },
  ],
};

/** From `export()` to committed, with the main thread free for the application. */
async function endToEnd(path: string): Promise<Sample> {
  const records = benchRecords(RECORDS);
  const exporter = new BatchRecordExporter(new SqliteRecordStore({ path }));
  exporter.export(benchRecord(RECORDS));
  await exporter.forceFlush();
  const started = performance.now();
  for (const [at, record] of records.entries()) {
    exporter.export(record);
    if (at % BATCH === 0) await exporter.ready();
  }
  await exporter.forceFlush();
  const seconds = (performance.now() - started) / 1_000;
  if (exporter.accounts().stored !== RECORDS + 1) throw new Error('records were lost');
  await exporter.shutdown();
  return { 'records/s': RECORDS / seconds };
}

/** The driver alone: the ledger's own table, one prepared insert, batches of 512 in a transaction. */
async function rawDriver(path: string): Promise<Sample> {
  const template = new SqliteRecordStore({ path });
  await template.init();
  await template.close();
  await (await openLedger(path)).close();
  const rows = benchRecords(RECORDS).map(rowValuesFromRecord);
  const database = new DatabaseSync(path);
  database.exec('pragma journal_mode = wal; pragma synchronous = normal');
  const insert = database.prepare(
    `insert into execution_records (${EXECUTION_COLUMNS.map((column) => column.name)}) values (${EXECUTION_COLUMNS.map(() => '?')})`,
  );
  const started = performance.now();
  for (let at = 0; at < rows.length; at += BATCH) {
    database.exec('begin immediate');
    for (const row of rows.slice(at, at + BATCH)) insert.run(...row);
    database.exec('commit');
  }
  const seconds = (performance.now() - started) / 1_000;
  database.close();
  return { 'records/s': RECORDS / seconds };
}

async function inFolder(use: (path: string) => Promise<Sample>): Promise<Sample> {
  const folder = mkdtempSync(join(tmpdir(), 'runledger-bench-'));
  try {
    return await use(join(folder, 'ledger.db'));
  } finally {
    rmSync(folder, { recursive: true });
  }
}
