import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { BatchRecordExporter } from '../../src/export/batch-record-exporter.ts';
import type { ExecutionRecord } from '../../src/records/execution-record.ts';
import { stepRecord } from '../support/execution-records.ts';
import { unaccounted } from '../support/record-accounts.ts';
import { codedError, ScriptedRecordStore, sqliteError } from '../support/scripted-record-store.ts';

const BATCH = 512;

beforeEach(() => {
  jest.useFakeTimers();
});

afterEach(() => {
  jest.useRealTimers();
});

function isPoison(record: ExecutionRecord): boolean {
  return record.name === 'poison';
}

/** A store that refuses writes with a poisonous record in them. */
function refusingStore(error: Error): ScriptedRecordStore {
  return new ScriptedRecordStore({
    write: (records) => {
      if (records.some(isPoison)) throw error;
    },
  });
}

/** Exports one batch with poison at these positions. */
function exportBatch(exporter: BatchRecordExporter, poisonAt: readonly number[], size = BATCH): void {
  for (let index = 0; index < size; index++) {
    exporter.export(stepRecord({ name: poisonAt.includes(index) ? 'poison' : 'fine' }));
  }
}

const everywhere = Array.from({ length: BATCH }, (_, index) => index);

describe('a record that is refused for its content', () => {
  it.each([
    ['0 records', [], 1],
    ['1 record', [300], 2 * 9 + 1],
    ['2 records', [0, 511], 4 * 9],
    ['all records', everywhere, 2 * BATCH],
  ])('is quarantined and its mates are stored: %s in 512', async (_, poisonAt, mostWrites) => {
    const store = refusingStore(sqliteError(1299));
    const exporter = new BatchRecordExporter(store);
    exportBatch(exporter, poisonAt);
    await jest.advanceTimersByTimeAsync(100);
    expect(store.rows.size).toBe(BATCH - poisonAt.length);
    expect([...store.rows.values()].filter(isPoison)).toEqual([]);
    expect([...store.quarantined.values()]).toEqual(poisonAt.map(() => 'SQLITE_CONSTRAINT'));
    expect(exporter.accounts()).toMatchObject({
      stored: BATCH - poisonAt.length,
      quarantined: poisonAt.length,
      queued: 0,
      queuedBytes: 0,
    });
    expect(unaccounted(exporter.accounts())).toBe(0);
    expect(store.calls.write).toBeLessThanOrEqual(mostWrites);
  });

  it('is dropped when the quarantine refuses it too', async () => {
    const store = refusingStore(sqliteError(20));
    store.script.quarantine = () => {
      throw sqliteError(19);
    };
    const exporter = new BatchRecordExporter(store);
    exportBatch(exporter, [1, 2], 8);
    await jest.advanceTimersByTimeAsync(100);
    expect(exporter.accounts()).toMatchObject({
      stored: 6,
      quarantined: 0,
      dropped: { quarantine_failed: 2 },
    });
    expect(unaccounted(exporter.accounts())).toBe(0);
  });

  it('waits for its quarantine when the store is away just then', async () => {
    const store = refusingStore(sqliteError(20));
    store.script.quarantine = (_, call) => {
      if (call < 4) throw codedError('ECONNRESET');
    };
    const exporter = new BatchRecordExporter(store);
    exportBatch(exporter, [1], 8);
    await jest.advanceTimersByTimeAsync(60_000);
    expect(exporter.accounts()).toMatchObject({ stored: 7, quarantined: 1, queued: 0 });
  });

  it('leaves nothing counted twice when the store goes away in the middle of the search', async () => {
    const store = new ScriptedRecordStore({
      write: (records, call) => {
        if (call % 5 === 4) throw codedError('ECONNRESET');
        if (records.some(isPoison)) throw sqliteError(18);
      },
    });
    const exporter = new BatchRecordExporter(store);
    exportBatch(exporter, [7, 100]);
    for (let turn = 0; turn < 2_000; turn++) {
      await jest.advanceTimersByTimeAsync(50);
      expect(unaccounted(exporter.accounts())).toBe(0);
    }
    expect(store.rows.size).toBe(BATCH - 2);
    expect(exporter.accounts()).toMatchObject({ stored: BATCH - 2, quarantined: 2, queued: 0 });
  });

  it('shares its fate with lower revisions of itself', async () => {
    const store = refusingStore(sqliteError(19));
    const exporter = new BatchRecordExporter(store);
    exporter.export(stepRecord({ recordId: 'one', rev: 1 }));
    exporter.export(stepRecord({ recordId: 'one', rev: 2, name: 'poison' }));
    exportBatch(exporter, [], 2);
    await jest.advanceTimersByTimeAsync(100);
    expect([...store.quarantined.keys()]).toEqual(['one']);
    expect(exporter.accounts()).toMatchObject({ created: 4, stored: 2, quarantined: 2, queued: 0 });
  });
});

describe('an error nobody knows', () => {
  it('is the record when a canary is stored: mates stored, poison quarantined with the code', async () => {
    const store = refusingStore(codedError('E_STRANGE'));
    const exporter = new BatchRecordExporter(store);
    exportBatch(exporter, [0, 5, 6], 16);
    await jest.advanceTimersByTimeAsync(5_000);
    expect(store.rows.size).toBe(13);
    expect([...store.quarantined.values()]).toEqual(['E_STRANGE', 'E_STRANGE', 'E_STRANGE']);
    expect(exporter.accounts()).toMatchObject({ stored: 13, quarantined: 3, queued: 0 });
  });

  it('is the store when no canary is stored: nothing is given up', async () => {
    const store = new ScriptedRecordStore({
      write: () => {
        throw codedError('E_STRANGE');
      },
    });
    const exporter = new BatchRecordExporter(store);
    exportBatch(exporter, [], 16);
    await jest.advanceTimersByTimeAsync(600_000);
    expect(exporter.accounts()).toMatchObject({ queued: 16, quarantined: 0, stored: 0 });
    // A batch, the first of it alone, another of it alone: then the wait.
    expect(store.writes.slice(0, 4).map((write) => write.length)).toEqual([16, 1, 1, 16]);
    store.script = {};
    await jest.advanceTimersByTimeAsync(5_000);
    expect(exporter.accounts()).toMatchObject({ queued: 0, stored: 16 });
  });

  it('is the store when the canary that was stored is not taken any more', async () => {
    const store = new ScriptedRecordStore({
      // The first write fails for its content; the canary and one half are taken; then the store is gone.
      write: (records, call) => {
        if (call > 3) throw new Error('gone');
        if (records.some(isPoison)) throw new Error('refused');
      },
    });
    const exporter = new BatchRecordExporter(store);
    exportBatch(exporter, [15], 16);
    await jest.advanceTimersByTimeAsync(120_000);
    expect(exporter.accounts()).toMatchObject({ stored: 9, queued: 7, quarantined: 0 });
    store.script = refusingStore(new Error('refused')).script;
    await jest.advanceTimersByTimeAsync(60_000);
    expect(exporter.accounts()).toMatchObject({ stored: 15, quarantined: 1, queued: 0 });
  });

  it('keeps a single record until another one shows that the store is well', async () => {
    const store = refusingStore(new Error('refused'));
    const exporter = new BatchRecordExporter(store);
    exportBatch(exporter, [0], 1);
    await jest.advanceTimersByTimeAsync(600_000);
    expect(exporter.accounts()).toMatchObject({ queued: 1, quarantined: 0 });
    exportBatch(exporter, [], 1);
    await jest.advanceTimersByTimeAsync(60_000);
    expect(exporter.accounts()).toMatchObject({ queued: 0, quarantined: 1, stored: 1 });
  });
});
