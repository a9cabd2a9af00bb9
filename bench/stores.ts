import { Readable, type Writable } from 'node:stream';
import { finished } from 'node:stream/promises';
import { createConnection } from 'mysql2/promise';
import pg from 'pg';
import { from as copyFrom } from 'pg-copy-streams';
import { BatchRecordExporter, type RecordStore } from 'runledger';
import { MysqlRecordStore, PostgresRecordStore } from 'runledger/sql';
import type { ExecutionRecord } from '../src/records/execution-record.ts';
import { EXECUTION_COLUMNS, rowValuesFromRecord, type SqlValue } from '../src/store/execution-row.ts';
import { mariadb } from '../test/support/mysql-server.ts';
import { startPostgres } from '../test/support/postgres-server.ts';
import { benchRecord, benchRecords } from './bench-records.ts';
import type { Sample, Suite } from './measure.ts';

const RECORDS = 60_000;
/** What the exporter sends at once while it has a backlog. */
const BATCH = 2_048;
/** Rows of one prepared statement. */
const ROWS = 512;

const filled = EXECUTION_COLUMNS.flatMap((_, index) =>
  [0, 1].some((at) => rowValuesFromRecord(benchRecord(at))[index] !== null) ? [index] : [],
);
const names = filled.map((index) => EXECUTION_COLUMNS[index]?.name).join(', ');

export const suite: Suite = {
  title: 'Records into PostgreSQL and MariaDB, wall clock',
  variants: {
    'postgres copy': () => withPostgres((url) => rawCopy(url, 'before')),
    'postgres copy of records': () => withPostgres((url) => rawCopy(url, 'meanwhile')),
    'postgres values': () => withPostgres(rawValues),
    'postgres ledger': () => withPostgres((url) => endToEnd(new PostgresRecordStore({ url }))),
    'postgres ledger, no copy': () =>
      withPostgres((url) => endToEnd(new PostgresRecordStore({ url, copy: false }))),
    'mariadb load data': () => withMariadb((url) => rawLoadData(url, 'before')),
    'mariadb load data of records': () => withMariadb((url) => rawLoadData(url, 'meanwhile')),
    'mariadb execute': () => withMariadb(rawExecute),
    'mariadb ledger': () => withMariadb((url) => endToEnd(new MysqlRecordStore({ url }))),
  },
  comparisons: [
    {
      ...{ what: 'PostgreSQL, end to end and exact under retries / bare COPY', of: 'postgres ledger' },
      ...{ against: 'postgres copy', figure: 'records/s', goal: { atLeast: 0.9 } },
    },
    {
      ...{ what: 'PostgreSQL, the same / bare COPY that makes its text too', of: 'postgres ledger' },
      ...{ against: 'postgres copy of records', figure: 'records/s', goal: { atLeast: 0.9 } },
    },
    {
      ...{
        what: 'PostgreSQL without pg-copy-streams / prepared inserts of 512 rows',
        of: 'postgres ledger, no copy',
      },
      ...{ against: 'postgres values', figure: 'records/s', goal: { atLeast: 0.9 } },
    },
    {
      ...{ what: 'MariaDB, end to end and exact under retries / LOAD DATA', of: 'mariadb ledger' },
      ...{ against: 'mariadb load data', figure: 'records/s', goal: { atLeast: 0.9 } },
    },
    {
      ...{ what: 'MariaDB, the same / LOAD DATA that makes its text too', of: 'mariadb ledger' },
      ...{ against: 'mariadb load data of records', figure: 'records/s', goal: { atLeast: 0.9 } },
    },
    {
      ...{ what: 'MariaDB, the same / prepared inserts of 512 rows', of: 'mariadb ledger' },
      ...{ against: 'mariadb execute', figure: 'records/s', goal: { atLeast: 0.9 } },
    },
  ],
};

/** From `export()` to committed, with the accounts of the process and the look for children in other processes. */
async function endToEnd(store: RecordStore): Promise<Sample> {
  const records = benchRecords(RECORDS);
  const exporter = new BatchRecordExporter(store);
  exporter.export(benchRecord(RECORDS));
  await exporter.forceFlush();
  const started = performance.now();
  for (const [at, record] of records.entries()) {
    exporter.export(record);
    if (at % 512 === 0) await exporter.ready();
  }
  await exporter.forceFlush();
  const seconds = (performance.now() - started) / 1_000;
  if (exporter.accounts().stored !== RECORDS + 1) throw new Error('records were lost');
  await exporter.shutdown();
  return { 'records/s': RECORDS / seconds };
}

/** When the text of a batch is made: before the time is taken, as by nobody who has records, or while it is. */
type MakesText = 'before' | 'meanwhile';

async function rawCopy(url: string, makes: MakesText): Promise<Sample> {
  const client = await postgresClient(url);
  const texts = textsOf(makes);
  const seconds = await timed(async () => {
    for (const text of texts) {
      const stream: Writable = client.query(copyFrom(`copy execution_records (${names}) from stdin`));
      const done = finished(stream);
      stream.end(text());
      await done;
    }
  });
  await client.end();
  return { 'records/s': RECORDS / seconds };
}

async function rawValues(url: string): Promise<Sample> {
  const client = await postgresClient(url);
  const batches = rowBatches(ROWS).filter((rows) => rows.length === ROWS);
  const values = batches.map((rows) => rows.flat());
  const lines = Array.from(
    { length: ROWS },
    (_, row) => `(${filled.map((__, column) => `$${row * filled.length + column + 1}`)})`,
  );
  const text = `insert into execution_records (${names}) values ${lines}`;
  const seconds = await timed(async () => {
    for (const parameters of values) await client.query({ name: 'bench', text, values: parameters });
  });
  await client.end();
  return { 'records/s': (batches.length * ROWS) / seconds };
}

async function rawLoadData(url: string, makes: MakesText): Promise<Sample> {
  const connection = await mysqlConnection(url);
  const texts = textsOf(makes);
  const seconds = await timed(async () => {
    for (const text of texts) {
      await connection.query({
        sql: `load data local infile 'batch' into table execution_records character set utf8mb4 (${names})`,
        infileStreamFactory: () => Readable.from([Buffer.from(text())]),
      });
    }
  });
  connection.destroy();
  return { 'records/s': RECORDS / seconds };
}

async function rawExecute(url: string): Promise<Sample> {
  const connection = await mysqlConnection(url);
  const batches = rowBatches(ROWS).filter((rows) => rows.length === ROWS);
  const values = batches.map((rows) => rows.flat());
  const line = `(${filled.map(() => '?')})`;
  const text = `insert into execution_records (${names}) values ${Array(ROWS).fill(line)}`;
  const seconds = await timed(async () => {
    for (const parameters of values) await connection.execute(text, parameters);
  });
  connection.destroy();
  return { 'records/s': (batches.length * ROWS) / seconds };
}

async function timed(work: () => Promise<void>): Promise<number> {
  const started = performance.now();
  await work();
  return (performance.now() - started) / 1_000;
}

function rowBatches(size: number): SqlValue[][][] {
  return recordBatches(size).map(rowsOf);
}

function recordBatches(size: number): (readonly ExecutionRecord[])[] {
  const records = benchRecords(RECORDS);
  return Array.from({ length: Math.ceil(RECORDS / size) }, (_, at) =>
    records.slice(at * size, (at + 1) * size),
  );
}

function rowsOf(records: readonly ExecutionRecord[]): SqlValue[][] {
  return records.map((record) => {
    const values = rowValuesFromRecord(record);
    return filled.map((index) => values[index] ?? null);
  });
}

/** How to get at the text of each batch. */
function textsOf(makes: MakesText): (() => string)[] {
  return recordBatches(BATCH).map((records) => {
    const make = (): string => `${rowsOf(records).map(copyLine).join('\n')}\n`;
    if (makes === 'meanwhile') return make;
    const made = make();
    return () => made;
  });
}

/** Nothing in the values of the bench needs an escape. */
function copyLine(row: readonly SqlValue[]): string {
  return row.map((value) => (value === null ? '\\N' : String(value))).join('\t');
}

async function postgresClient(url: string): Promise<pg.Client> {
  await makeLedger(new PostgresRecordStore({ url, holdsProcess: true }));
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  return client;
}

async function mysqlConnection(url: string) {
  await makeLedger(new MysqlRecordStore({ url, holdsProcess: true }));
  return createConnection({ uri: url });
}

async function makeLedger(store: RecordStore): Promise<void> {
  await store.init();
  await store.close();
}

async function withPostgres(use: (url: string) => Promise<Sample>): Promise<Sample> {
  const server = await startPostgres();
  try {
    return await use(server.url);
  } finally {
    await server.dispose();
  }
}

async function withMariadb(use: (url: string) => Promise<Sample>): Promise<Sample> {
  const server = await mariadb.start({ 'local-infile': '1' });
  try {
    return await use(server.url);
  } finally {
    await server.dispose();
  }
}
