import { rm } from 'node:fs/promises';
import { MemoryRecordStore } from '../../src/store/memory-record-store.ts';
import { SqliteRecordStore } from '../../src/store/sql/sqlite-record-store.ts';
import { quarantinedIn, recordsIn, temporaryDirectory } from '../support/sqlite-files.ts';
import { describeRecordStore } from './describe-record-store.ts';

describeRecordStore('MemoryRecordStore', async ({ now }) => {
  const store = new MemoryRecordStore({ now });
  return {
    store,
    rows: async () => store.rows(),
    quarantined: async () => store.quarantined().map(({ record, reason }) => [record.recordId, reason]),
    dispose: () => store.close(),
  };
});

describeRecordStore('SqliteRecordStore', async ({ now }) => {
  const directory = await temporaryDirectory();
  const path = `${directory}/ledger.db`;
  const store = new SqliteRecordStore({ path, now });
  return {
    store,
    rows: async () => recordsIn(path),
    quarantined: async () => quarantinedIn(path),
    dispose: async () => {
      await store.close();
      await rm(directory, { recursive: true });
    },
  };
});
