import { mkdir, rm, truncate, writeFile } from 'node:fs/promises';
import { DatabaseSync } from 'node:sqlite';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { LedgerReader } from '../../src/store/ledger-reader.ts';
import { openLedger } from '../../src/store/sql/ledger-reader.ts';
import { SqliteRecordStore } from '../../src/store/sql/sqlite-record-store.ts';
import { runRecord, stepRecord } from '../support/execution-records.ts';
import { temporaryDirectory } from '../support/sqlite-files.ts';
import { describeLedgerReader } from './describe-ledger-reader.ts';

describeLedgerReader('an SQLite file', async () => {
  const directory = await temporaryDirectory();
  const path = `${directory}/ledger.db`;
  const store = new SqliteRecordStore({ path });
  return {
    store,
    read: () => openLedger(path),
    async dispose() {
      await store.close();
      await rm(directory, { recursive: true });
    },
  };
});

describe('openLedger', () => {
  let directory: string;
  let path: string;
  let store: SqliteRecordStore;
  let reader: LedgerReader;

  beforeEach(async () => {
    directory = await temporaryDirectory();
    path = `${directory}/ledger.db`;
    store = new SqliteRecordStore({ path });
    await store.init();
    reader = await openLedger(path);
  });
  afterEach(async () => {
    await reader.close();
    await store.close();
    await rm(directory, { recursive: true });
  });

  describe('query', () => {
    it('gives columns and rows, two columns of one name too', async () => {
      await store.write([runRecord({ name: 'one' })]);
      expect(await reader.query('-- names\nselect name, rev as name from execution_records; -- end')).toEqual(
        {
          columns: ['name', 'name'],
          rows: [['one', 1]],
        },
      );
    });

    it('gives integers past 2^53 and blobs as text', async () => {
      expect((await reader.query("select 9007199254740993, x'00ff', 1.5, null")).rows).toEqual([
        ['9007199254740993', '00ff', 1.5, null],
      ]);
    });

    it.each([
      ['delete from execution_records', 'QUERY_REFUSED'],
      ['with x as (select 1) delete from execution_records', 'QUERY_REFUSED'],
      ['select 1; delete from execution_records', 'QUERY_REFUSED'],
      ['select 1 /* ; */ ; /* x */ select 2', 'QUERY_REFUSED'],
      ['pragma journal_mode = delete', 'QUERY_REFUSED'],
      ["attach '/tmp/other.db' as other", 'QUERY_REFUSED'],
      ["vacuum into '/tmp/copy.db'", 'QUERY_REFUSED'],
      ['create temp table t (a)', 'QUERY_REFUSED'],
      ['  -- nothing\n', 'QUERY_REFUSED'],
      ['select * from nowhere', 'QUERY_FAILED'],
      ['select', 'QUERY_FAILED'],
      ["select load_extension('/tmp/x')", 'QUERY_FAILED'],
    ])('refuses %j', async (text, code) => {
      await store.write([runRecord()]);
      await expect(reader.query(text)).rejects.toMatchObject({ name: 'LedgerError', code });
      expect(await reader.runs()).toHaveLength(1);
    });
  });

  it('leaves a ledger it has read as it was', async () => {
    await store.write([runRecord()]);
    await reader.close();
    await reader.close();
    await store.write([runRecord()]);
    await expect(
      openLedger(path).then((again) => again.runs().finally(() => again.close())),
    ).resolves.toHaveLength(2);
  });

  describe('refuses, and says what to do about', () => {
    it('a file that is not there', async () => {
      await expect(openLedger(`${directory}/none.db`)).rejects.toMatchObject({
        code: 'LEDGER_NOT_FOUND',
        message: expect.stringContaining('there is no ledger at'),
      });
    });

    it('a directory', async () => {
      await mkdir(`${directory}/sub`);
      await expect(openLedger(`${directory}/sub`)).rejects.toMatchObject({ code: 'NOT_A_LEDGER' });
    });

    it('a file that is no database', async () => {
      await writeFile(`${directory}/text.db`, 'hello '.repeat(1_000));
      await expect(openLedger(`${directory}/text.db`)).rejects.toMatchObject({ code: 'NOT_A_LEDGER' });
    });

    it("another program's database, and an empty file", async () => {
      const other = new DatabaseSync(`${directory}/other.db`);
      other.exec('create table t (a)');
      other.close();
      await writeFile(`${directory}/empty.db`, '');
      await expect(openLedger(`${directory}/other.db`)).rejects.toMatchObject({ code: 'NOT_A_LEDGER' });
      await expect(openLedger(`${directory}/empty.db`)).rejects.toMatchObject({ code: 'NOT_A_LEDGER' });
    });

    it('a damaged ledger', async () => {
      await store.write(Array.from({ length: 2_000 }, () => stepRecord()));
      await reader.close();
      await store.close();
      await truncate(path, 40_000);
      const attempt = openLedger(path).then((damaged) => damaged.stats().finally(() => damaged.close()));
      await expect(attempt).rejects.toMatchObject({
        code: 'LEDGER_CORRUPT',
        message: expect.stringContaining('.recover'),
      });
    });
  });
});
