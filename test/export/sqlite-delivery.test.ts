import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { BatchRecordExporter } from '../../src/export/batch-record-exporter.ts';
import { SqliteRecordStore } from '../../src/store/sql/sqlite-record-store.ts';
import { stepRecord } from '../support/execution-records.ts';
import { quarantinedIn, recordsIn, temporaryDirectory } from '../support/sqlite-files.ts';

let directory: string;
let path: string;

beforeEach(async () => {
  directory = await temporaryDirectory();
  path = join(directory, 'ledger.db');
});

afterEach(async () => {
  await rm(directory, { recursive: true, force: true });
});

describe('delivery to SQLite', () => {
  it('quarantines the rows the table refuses and stores their mates', async () => {
    const exporter = new BatchRecordExporter(new SqliteRecordStore({ path }));
    const poison: string[] = [];
    for (let index = 0; index < 600; index++) {
      // Nothing of ours makes a record without a name; the table insists on one.
      const record = stepRecord(index % 200 === 100 ? { name: null as unknown as string } : {});
      if (record.name === null) poison.push(record.recordId);
      exporter.export(record);
    }
    expect(await exporter.shutdown()).toEqual({ stored: 597, left: 0, dropped: 0 });
    expect(recordsIn(path)).toHaveLength(597);
    expect(quarantinedIn(path).sort()).toEqual(poison.map((recordId) => [recordId, 'SQLITE_CONSTRAINT']));
    expect(exporter.accounts()).toMatchObject({ created: 600, stored: 597, quarantined: 3, queued: 0 });
  });

  it('waits for a database that another process has locked', async () => {
    const store = new SqliteRecordStore({ path, busyTimeoutMs: 0 });
    const exporter = new BatchRecordExporter(store, { retry: { maxDelayMillis: 100 } });
    exporter.export(stepRecord());
    await exporter.forceFlush();
    const other = new DatabaseSync(path);
    other.exec('begin immediate');
    const refused = new Promise<void>((resolve) => {
      exporter.onStoreWrite((_, isStored) => {
        if (!isStored) resolve();
      });
    });
    for (let index = 0; index < 20; index++) exporter.export(stepRecord());
    await refused;
    expect(exporter.accounts()).toMatchObject({ stored: 1, queued: 20, quarantined: 0 });
    other.exec('rollback');
    other.close();
    await exporter.forceFlush();
    expect(recordsIn(path).map(({ seq }) => seq)).toEqual(
      Array.from({ length: 21 }, (_, index) => index + 1),
    );
    await exporter.shutdown();
  });
});
