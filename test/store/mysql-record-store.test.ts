import { afterAll, beforeAll, describe, it } from '@jest/globals';
import { openLedger } from '../../src/store/sql/ledger-reader.ts';
import { MysqlRecordStore } from '../../src/store/sql/mysql/mysql-record-store.ts';
import { mysqlPlace } from '../support/mysql-ledger.ts';
import { MYSQL_SERVERS } from '../support/mysql-server.ts';
import type { TestServer } from '../support/server-process.ts';
import { describeLedgerReader } from './describe-ledger-reader.ts';
import { describeRecordStore, type InstanceBalance } from './describe-record-store.ts';

describe.each(MYSQL_SERVERS)('with a $name', ({ name, isInstalled, start }) => {
  if (!isInstalled) {
    it.skip('is not installed', () => undefined);
    return;
  }

  let server: TestServer;
  beforeAll(async () => {
    server = await start();
  }, 120_000);
  afterAll(() => server?.dispose());

  describeLedgerReader(`a ${name}`, async () => {
    const place = await mysqlPlace(server.url);
    const store = new MysqlRecordStore({ url: place.url });
    return {
      store,
      read: () => openLedger(place.url),
      async dispose() {
        await store.close();
        await place.dispose();
      },
    };
  });

  describeRecordStore('MysqlRecordStore', async ({ now }) => {
    const place = await mysqlPlace(server.url);
    const store = new MysqlRecordStore({ url: place.url, now });
    return {
      store,
      rows: place.records,
      quarantined: async () => {
        const rows = await place.query('select record_id, reason from record_quarantine');
        return rows.map((row) => [String(row.record_id), String(row.reason)] as const);
      },
      // The columns are those of the view, which the contract compares one by one.
      balances: async () => (await place.query('select * from lost_records')) as unknown as InstanceBalance[],
      dispose: async () => {
        await store.close();
        await place.dispose();
      },
    };
  });
});
