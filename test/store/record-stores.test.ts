import { rm } from 'node:fs/promises';
import { MemoryRecordStore } from '../../src/store/memory-record-store.ts';
import type { RecordLoss } from '../../src/store/record-store.ts';
import { KEPT_IN_FILE } from '../../src/store/single-loss.ts';
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
    const { instanceId } = instance;
    const stored = store.records().filter((record) => record.instanceId === instanceId && record.seq > 0);
    const lastSeq = Math.max(instance.lastSeq, ...stored.map(({ seq }) => seq));
    const storedIds = new Set(store.records().map(({ recordId }) => recordId));
    const quarantined = store
      .quarantined()
      .filter(({ record }) => record.instanceId === instanceId && !storedIds.has(record.recordId)).length;
    const losses = store.losses().filter((loss) => loss.instanceId === instanceId);
    const sum = (of: (loss: RecordLoss) => boolean): number =>
      losses.filter(of).reduce((total, { records }) => total + records, 0);
    const isGuess = ({ reason }: RecordLoss): boolean => reason === 'corrupt_frame';
    const isInFile = ({ reason }: RecordLoss): boolean => reason === KEPT_IN_FILE;
    const told = sum((loss) => loss.lastSeq > 0 && !isGuess(loss) && !isInFile(loss));
    const pruned = store.pruned(instanceId);
    const untold = lastSeq - stored.length - quarantined - pruned - told;
    const inFiles = Math.min(sum(isInFile), Math.max(0, untold));
    const guessed = Math.min(
      sum((loss) => loss.lastSeq > 0 && isGuess(loss)),
      Math.max(0, untold - inFiles),
    );
    return {
      instance_id: instanceId,
      service_name: instance.serviceName,
      durability: instance.durability,
      heartbeat_at: instance.heartbeatAt,
      ended_at: instance.endedAt ?? null,
      last_seq: lastSeq,
      sampled_out: instance.sampledOut,
      stored_records: stored.length,
      quarantined: quarantined + inFiles,
      pruned,
      lost: told + guessed,
      lost_unnumbered: sum(({ lastSeq: numbered }) => numbered === 0),
      missing: untold - inFiles - guessed,
    };
  });
}
