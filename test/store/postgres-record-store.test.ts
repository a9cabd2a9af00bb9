import { afterAll, beforeAll, describe } from '@jest/globals';
import { openLedger } from '../../src/store/sql/ledger-reader.ts';
import { PostgresRecordStore } from '../../src/store/sql/postgres/postgres-record-store.ts';
import { hasPgbouncer, type PoolMode, startPgbouncer } from '../support/pgbouncer-server.ts';
import { type PostgresPlace, pooledPlace, postgresPlace } from '../support/postgres-ledger.ts';
import { hasPostgres, startPostgres } from '../support/postgres-server.ts';
import type { TestServer } from '../support/server-process.ts';
import { describeLedgerReader } from './describe-ledger-reader.ts';
import { describeRecordStore, type InstanceBalance, type OpenStore } from './describe-record-store.ts';

type Options = { readonly copy?: boolean; readonly partitionByDay?: boolean };

/** Calls the contract for stores in places of a server, with these options. */
const contract =
  (place: () => Promise<PostgresPlace>, options: Options): OpenStore =>
  async ({ now }) => {
    const { url, records, query, dispose } = await place();
    const store = new PostgresRecordStore({ url, now, ...options });
    return {
      store,
      rows: records,
      quarantined: async () => {
        const rows = await query('select record_id, reason from record_quarantine');
        return rows.map((row) => [String(row.record_id), String(row.reason)] as const);
      },
      // The columns are those of the view, which the contract compares one by one.
      balances: async () => (await query('select * from lost_records')) as unknown as InstanceBalance[],
      dispose: async () => {
        await store.close();
        await dispose();
      },
    };
  };

async function readable(place: () => Promise<PostgresPlace>) {
  const { url, dispose } = await place();
  const store = new PostgresRecordStore({ url });
  return {
    store,
    read: () => openLedger(url),
    async dispose() {
      await store.close();
      await dispose();
    },
  };
}

(hasPostgres ? describe : describe.skip)('with a PostgreSQL', () => {
  let server: TestServer;
  beforeAll(async () => {
    server = await startPostgres();
  }, 120_000);
  afterAll(() => server?.dispose());
  const place = () => postgresPlace(server.url);

  describeLedgerReader('a PostgreSQL', () => readable(place));
  describeRecordStore('PostgresRecordStore', contract(place, {}));
  describeRecordStore('PostgresRecordStore without pg-copy-streams', contract(place, { copy: false }));
  describeRecordStore('PostgresRecordStore with partitions', contract(place, { partitionByDay: true }));
});

(hasPostgres && hasPgbouncer ? describe : describe.skip).each<PoolMode>(['transaction', 'session'])(
  'behind a PgBouncer that pools by %s',
  (mode) => {
    let server: TestServer;
    let pooler: TestServer;
    beforeAll(async () => {
      server = await startPostgres();
      pooler = await startPgbouncer(server, mode);
    }, 120_000);
    afterAll(async () => {
      await pooler?.dispose();
      await server?.dispose();
    });
    const place = () => pooledPlace(server.url, pooler.port);

    describeLedgerReader('a PostgreSQL', () => readable(place));
    describeRecordStore('PostgresRecordStore', contract(place, {}));
    describeRecordStore('PostgresRecordStore without pg-copy-streams', contract(place, { copy: false }));
  },
);
