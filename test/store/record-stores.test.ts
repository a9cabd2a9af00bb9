import { rm } from 'node:fs/promises';
import { MemoryRecordStore } from '../../src/store/memory-record-store.ts';
import { SqliteRecordStore } from '../../src/store/sql/sqlite-record-store.ts';
import { quarantinedIn, recordsIn, rowsIn, temporaryDirectory } from '../support/sqlite-files.ts';
import { describeRecordStore, type InstanceBalance } from './describe-record-store.ts';

describeRecordStore('MemoryRecordStore', async ({ now }) => {
  const store = new MemoryRecordStore({ now });
  return {
    store,
    rows: async () => store.rows(),
    quarantined: async () => store.quarantined().map(({ record, reason }) => [record.recordId, reason]),
    balances: async () => balancesOf(store),
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
    // The columns are those of the view, which the contract compares one by one.
    balances: async () => rowsIn(path, 'select * from lost_records') as unknown as InstanceBalance[],
    dispose: async () => {
      await store.close();
      await rm(directory, { recursive: true });
    },
  };
});

/** What the view `lost_records` says in SQL. */
function balancesOf(store: MemoryRecordStore): readonly InstanceBalance[] {
  return store.instances().map((instance) => {
    const { instanceId, lastSeq } = instance;
    const stored = store.records().filter((record) => record.instanceId === instanceId && record.seq > 0);
    const storedIds = new Set(store.records().map(({ recordId }) => recordId));
    const quarantined = store
      .quarantined()
      .filter(({ record }) => record.instanceId === instanceId && !storedIds.has(record.recordId)).length;
    const losses = store.losses().filter((loss) => loss.instanceId === instanceId);
    const sum = (isNumbered: boolean): number =>
      losses
        .filter((loss) => loss.lastSeq > 0 === isNumbered)
        .reduce((total, { records }) => total + records, 0);
    const pruned = store.pruned(instanceId);
    return {
      instance_id: instanceId,
      service_name: instance.serviceName,
      durability: instance.durability,
      heartbeat_at: instance.heartbeatAt,
      ended_at: instance.endedAt ?? null,
      last_seq: lastSeq,
      sampled_out: instance.sampledOut,
      stored: stored.length,
      quarantined,
      pruned,
      lost: sum(true),
      lost_unnumbered: sum(false),
      missing: lastSeq - stored.length - quarantined - pruned - sum(true),
    };
  });
}
