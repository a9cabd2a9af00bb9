import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from '@jest/globals';
import { BatchRecordExporter } from '../../src/export/batch-record-exporter.ts';
import { SpoolRecordQueue } from '../../src/spool/spool-record-queue.ts';
import { MemoryRecordStore } from '../../src/store/memory-record-store.ts';
import type { LedgerReport } from '../../src/store/record-store.ts';
import { stepRecord } from '../support/execution-records.ts';
import { ScriptedRecordStore } from '../support/scripted-record-store.ts';

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'runledger-losses-'));
});
afterEach(() => rm(directory, { recursive: true }));

/** Takes neither records nor what is in quarantine, but what is reported. */
class RefusingStore extends ScriptedRecordStore {
  readonly reports: LedgerReport[] = [];

  override async write(
    records: Parameters<ScriptedRecordStore['write']>[0],
    report?: LedgerReport,
  ): Promise<void> {
    await super.write(records);
    if (report !== undefined) this.reports.push(report);
  }

  async interrupt(): Promise<number> {
    return 0;
  }
}

it('reports a record that can neither be stored nor quarantined as lost by the instance that numbered it', async () => {
  const spooled = (store: MemoryRecordStore | ScriptedRecordStore) =>
    new BatchRecordExporter(
      store,
      {},
      (owner, onDrop) => new SpoolRecordQueue({ ...owner, directory }, onDrop),
    );
  const died = spooled(new MemoryRecordStore());
  died.export(stepRecord());
  died.handOver(0);
  // What should be a folder is a file, so there is no quarantine in files either.
  await writeFile(join(directory, 'quarantine'), '');
  const refuse = (records: readonly unknown[]) => {
    if (records.length > 0) throw Object.assign(new Error('too long'), { code: 'ERR_OUT_OF_RANGE' });
  };
  const store = new RefusingStore({ write: refuse, quarantine: refuse });
  const heir = spooled(store);
  expect(await heir.recover()).toBe(1);
  expect(await heir.shutdown()).toMatchObject({ left: 0 });
  const losses = store.reports.flatMap((report) => report.losses);
  expect(losses).toEqual([
    expect.objectContaining({
      instanceId: died.instanceId,
      reason: 'quarantine_failed',
      records: 1,
      lastSeq: 1,
    }),
  ]);
  expect(heir.accounts()).toMatchObject({ recovered: 1, stored: 0, dropped: { quarantine_failed: 1 } });
});

it('leaves word of what it gave up in its last moment, for whoever delivers the rest', async () => {
  const away = new ScriptedRecordStore({ write: () => new Promise(() => {}) });
  const full = new BatchRecordExporter(
    away,
    {},
    (owner, onDrop) =>
      new SpoolRecordQueue({ ...owner, directory, maxSpoolBytes: 100_000, maxQueueSize: 100 }, onDrop),
  );
  for (let count = 0; count < 1_000; count++) full.export(stepRecord());
  full.handOver(0);
  const { dropped } = full.accounts();
  expect(dropped.spool_full).toBeGreaterThan(0);

  const next = new SpoolRecordQueue({ directory, instanceId: 'next' }, () => {});
  const [adopted] = await next.adopt();
  next.close();
  const told = adopted?.losses.reduce((sum, { records }) => sum + records, 0);
  expect(told).toBe(dropped.spool_full + dropped.shutdown_deadline);
  expect(adopted?.records).toBe(1_000 - (told ?? 0));
});
