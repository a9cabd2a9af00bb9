import { once } from 'node:events';
import { rm } from 'node:fs/promises';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { SqliteRecordStore } from '../../src/store/sql/sqlite-record-store.ts';
import { stepRecord } from '../support/execution-records.ts';
import { runNode, startNode } from '../support/node-process.ts';
import { recordsIn, rowsIn, temporaryDirectory } from '../support/sqlite-files.ts';

describe('a ledger file shared by processes', () => {
  let directory: string;
  let path: string;
  beforeEach(async () => {
    directory = await temporaryDirectory();
    path = `${directory}/ledger.db`;
  });
  afterEach(() => rm(directory, { recursive: true }));

  it('loses nothing when four processes write it', async () => {
    const writers = Array.from({ length: 4 }, () =>
      runNode('store/fixtures/write-records.ts', [path, '2000']),
    );
    for (const writer of await Promise.all(writers)) {
      expect(writer).toEqual({ exitCode: 0, stdout: '2000', stderr: '' });
    }
    expect(rowsIn(path, 'select count(*) as count from execution_records')).toEqual([{ count: 8_000 }]);
    expect(rowsIn(path, 'pragma integrity_check')).toEqual([{ integrity_check: 'ok' }]);
  }, 60_000);

  it('is made once when eight processes start at once', async () => {
    const writers = Array.from({ length: 8 }, () => runNode('store/fixtures/write-records.ts', [path, '1']));
    for (const writer of await Promise.all(writers)) {
      expect(writer).toEqual({ exitCode: 0, stdout: '1', stderr: '' });
    }
    expect(recordsIn(path)).toHaveLength(8);
    expect(rowsIn(path, 'select name from runledger_migrations')).toEqual([
      { name: '0001_execution_records' },
    ]);
  }, 60_000);

  describe('while another process holds its lock', () => {
    it('waits in its thread, not on the event loop, and stores the batch', async () => {
      const store = new SqliteRecordStore({ path });
      await store.init();
      const holder = startNode('store/fixtures/hold-lock.ts', [path, '2000']);
      const ended = once(holder, 'exit');
      await once(holder.stdout, 'data');
      const delay = monitorEventLoopDelay({ resolution: 5 });
      delay.enable();
      const startedAt = performance.now();
      await store.write([stepRecord()]);
      const waitedMs = performance.now() - startedAt;
      delay.disable();
      expect(waitedMs).toBeGreaterThan(1_000);
      // Waiting on the event loop would have stopped it for as long as the write waited.
      expect(delay.max / 1e6).toBeLessThan(waitedMs / 2);
      await store.close();
      await ended;
      expect(recordsIn(path)).toHaveLength(1);
    });

    it('rejects with the code of SQLite when the wait is over, and can be tried again', async () => {
      const store = new SqliteRecordStore({ path, busyTimeoutMs: 50 });
      await store.init();
      const holder = startNode('store/fixtures/hold-lock.ts', [path, '1500']);
      const ended = once(holder, 'exit');
      await once(holder.stdout, 'data');
      const batch = [stepRecord()];
      await expect(store.write(batch)).rejects.toMatchObject({ code: 'ERR_SQLITE_ERROR', errcode: 5 });
      await ended;
      await store.write(batch);
      await store.close();
      expect(recordsIn(path)).toHaveLength(1);
    });
  });
});
