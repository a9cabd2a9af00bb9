import { afterAll, beforeAll, describe } from '@jest/globals';
import { openLedger } from '../../src/store/sql/ledger-reader.ts';
import { PostgresRecordStore } from '../../src/store/sql/postgres/postgres-record-store.ts';
import { postgresPlace } from '../support/postgres-ledger.ts';
import { hasPostgres, startPostgres } from '../support/postgres-server.ts';
import type { TestServer } from '../support/server-process.ts';
import { describeLedgerReader } from './describe-ledger-reader.ts';
import { describeRecordStore, type InstanceBalance, type OpenStore } from './describe-record-store.ts';

(hasPostgres ? describe : describe.skip)('with a PostgreSQL', () => {
  let server: TestServer;
  beforeAll(async () => {
    server = await startPostgres();
  }, 120_000);
  afterAll(() => server?.dispose());

  const open =
    (options: { readonly copy?: boolean; readonly partitionByDay?: boolean }): OpenStore =>
    async ({ now }) => {
      const place = await postgresPlace(server.url);
      const store = new PostgresRecordStore({ url: place.url, now, ...options });
      return {
        store,
        rows: place.records,
        quarantined: async () => {
          const rows = await place.query('select record_id, reason from record_quarantine');
          return rows.map((row) => [String(row.record_id), String(row.reason)] as const);
        },
        // The columns are those of the view, which the contract compares one by one.
        balances: async () =>
          (await place.query('select * from lost_records')) as unknown as InstanceBalance[],
        dispose: async () => {
          await store.close();
          await place.dispose();
        },
      };
    };

  describeLedgerReader('a PostgreSQL', async () => {
    const place = await postgresPlace(server.url);
    const store = new PostgresRecordStore({ url: place.url });
    return {
      store,
      read: () => openLedger(place.url),
      async dispose() {
        await store.close();
        await place.dispose();
      },
    };
  });

  describeRecordStore('PostgresRecordStore', open({}));
  describeRecordStore('PostgresRecordStore without pg-copy-streams', open({ copy: false }));
  describeRecordStore('PostgresRecordStore with partitions', open({ partitionByDay: true }));
});
