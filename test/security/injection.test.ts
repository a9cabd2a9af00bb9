import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { storeChoice, storeFromChoice } from '../../src/sdk/store-choice.ts';
import type { RecordStore } from '../../src/store/record-store.ts';
import { stepRecord } from '../support/execution-records.ts';
import { mysqlPlace } from '../support/mysql-ledger.ts';
import { MYSQL_SERVERS } from '../support/mysql-server.ts';
import { postgresPlace } from '../support/postgres-ledger.ts';
import { hasPostgres, startPostgres } from '../support/postgres-server.ts';
import type { TestServer } from '../support/server-process.ts';

type Query = (sql: string) => Promise<readonly Readonly<Record<string, unknown>>[]>;

const PARTS = [
  "'",
  "''",
  '"',
  '`',
  ';',
  '--',
  '/*',
  '*/',
  '\\',
  '\n',
  '$$',
  '$1',
  '?',
  ':name',
  '@x',
  '#',
  ')',
  '(',
  '\\.',
  '\t',
  '\\N',
  'drop table execution_records',
  'or 1=1',
  'union select',
  "'); delete from execution_records; --",
  'copy execution_records to program',
  'into outfile',
  'attach database',
  'pragma writable_schema=1',
  '\u02bc',
  '\uff07',
  '%s',
];

/** A thousand texts that mean something to a database which is handed them as a statement. */
const PAYLOADS = fc
  .sample(fc.array(fc.constantFrom(...PARTS), { minLength: 1, maxLength: 8 }), { numRuns: 1_000, seed: 64 })
  .map((parts, index) => `${parts.join(' ')} ${index}`);

function describeInjection(
  open: () => Promise<{ url: string; query: Query; dispose(): Promise<void> }>,
  schema: string,
) {
  it('keeps a thousand hostile texts as what they are, and its schema as it was', async () => {
    const place = await open();
    const store = storeFromChoice(storeChoice(place.url, tmpdir()), 'process') as RecordStore;
    try {
      await store.init();
      await store.write([stepRecord()]);
      const before = await place.query(schema);
      const records = PAYLOADS.map((text) =>
        stepRecord({
          name: text,
          pipeline: text,
          correlationId: text,
          tenant: text,
          attempt: 1,
          errorMessage: text,
          source: text,
          attributes: JSON.stringify({ [text]: text }),
        }),
      );
      for (let at = 0; at < records.length; at += 100) await store.write(records.slice(at, at + 100));
      const rows = await place.query(
        'select name, pipeline, correlation_id, tenant, error_message, source, attributes from execution_records order by record_id',
      );
      expect(rows.slice(1).map((row) => ({ ...row }))).toEqual(
        PAYLOADS.map((text) => ({
          name: text,
          pipeline: text,
          correlation_id: text,
          tenant: text,
          error_message: text,
          source: text,
          attributes: JSON.stringify({ [text]: text }),
        })),
      );
      expect(await place.query(schema)).toEqual(before);
    } finally {
      await store.close();
      await place.dispose();
    }
  }, 120_000);
}

describe('injection by names, SQLite', () => {
  describeInjection(async () => {
    const folder = await mkdtemp(join(tmpdir(), 'runledger-injection-'));
    const path = join(folder, 'ledger.db');
    return {
      url: `sqlite:${path}`,
      query: async (sql) => {
        const database = new DatabaseSync(path, { timeout: 10_000 });
        const rows = database.prepare(sql).all();
        database.close();
        return rows as Readonly<Record<string, unknown>>[];
      },
      dispose: () => rm(folder, { recursive: true, force: true }),
    };
  }, 'select type, name, sql from sqlite_schema order by name');
});

(hasPostgres ? describe : describe.skip)('injection by names, PostgreSQL', () => {
  let server: TestServer;
  beforeAll(async () => {
    server = await startPostgres();
  }, 120_000);
  afterAll(() => server?.dispose());
  describeInjection(
    () => postgresPlace(server.url),
    `select table_schema, table_name, column_name, data_type from information_schema.columns
     where table_schema not in ('pg_catalog', 'information_schema') order by 1, 2, 3`,
  );
});

for (const { name, isInstalled, start } of MYSQL_SERVERS) {
  (isInstalled ? describe : describe.skip)(`injection by names, ${name}`, () => {
    let server: TestServer;
    beforeAll(async () => {
      server = await start();
    }, 120_000);
    afterAll(() => server?.dispose());
    describeInjection(
      () => mysqlPlace(server.url),
      `select table_name, column_name, column_type from information_schema.columns
       where table_schema = database() order by 1, 2`,
    );
  });
}
