import { describe, expect, it } from '@jest/globals';
import { BatchRecordExporter } from '../../src/export/batch-record-exporter.ts';
import { stepRecord } from '../support/execution-records.ts';
import { unaccounted } from '../support/record-accounts.ts';
import { never, ScriptedRecordStore } from '../support/scripted-record-store.ts';

/** An exporter with one batch of 10 in flight, and 20 records waiting, two of which the store refuses. */
async function busyExporter(store: ScriptedRecordStore): Promise<BatchRecordExporter> {
  const exporter = new BatchRecordExporter(store, { maxExportBatchSize: 10 });
  const written = new Promise<void>((resolve) => {
    store.script.write = () => {
      resolve();
      return never();
    };
  });
  for (let index = 0; index < 10; index++) exporter.export(stepRecord());
  void exporter.forceFlush();
  await written;
  for (let index = 0; index < 20; index++) {
    exporter.export(stepRecord({ name: index % 10 === 3 ? 'poison' : 'fine' }));
  }
  return exporter;
}

describe('handOver', () => {
  it('stores at once what is queued and in flight, but for the records that are refused', async () => {
    const store = new ScriptedRecordStore({
      writeAtExit: (records) => records.every(({ name }) => name !== 'poison'),
    });
    const exporter = await busyExporter(store);
    exporter.handOver(1_000);
    expect(store.rows.size).toBe(28);
    expect(exporter.accounts()).toMatchObject({ stored: 28, queued: 0, dropped: { shutdown_deadline: 2 } });
    expect(unaccounted(exporter.accounts())).toBe(0);
  });

  it('blocks no longer than it may', async () => {
    const budgets: number[] = [];
    let clock = 0;
    const store = new ScriptedRecordStore({
      writeAtExit: (_, millis) => {
        budgets.push(millis);
        clock += 400;
        return false;
      },
    });
    const exporter = new BatchRecordExporter(store, { retry: { now: () => clock } });
    for (let index = 0; index < 100; index++) exporter.export(stepRecord());
    exporter.handOver(1_000);
    expect(budgets).toEqual([1_000, 600, 200]);
    expect(exporter.accounts()).toMatchObject({ queued: 0, dropped: { shutdown_deadline: 100 } });
  });

  it('is the end of the intake, and survives a store that throws or can not write at exit', async () => {
    const throwing = new ScriptedRecordStore({
      writeAtExit: () => {
        throw new Error('no');
      },
    });
    const unable = new ScriptedRecordStore();
    Object.assign(unable, { writeAtExit: undefined });
    for (const store of [throwing, unable]) {
      const exporter = await busyExporter(store);
      exporter.handOver(1_000);
      exporter.handOver(1_000);
      exporter.export(stepRecord());
      expect(exporter.accounts()).toMatchObject({ dropped: { shutdown_deadline: 30, after_shutdown: 1 } });
      await exporter.forceFlush();
      await exporter.shutdown();
      expect(unaccounted(exporter.accounts())).toBe(0);
    }
  });
});
