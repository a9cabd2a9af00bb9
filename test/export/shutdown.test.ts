import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { BatchRecordExporter } from '../../src/export/batch-record-exporter.ts';
import { stepRecord } from '../support/execution-records.ts';
import { unaccounted } from '../support/record-accounts.ts';
import { codedError, never, ScriptedRecordStore } from '../support/scripted-record-store.ts';

beforeEach(() => {
  jest.useFakeTimers();
});

afterEach(() => {
  jest.useRealTimers();
});

function exportSteps(exporter: BatchRecordExporter, count: number): void {
  for (let index = 0; index < count; index++) exporter.export(stepRecord());
}

/** Advances the clock until the promise settles, and says how many milliseconds that took. */
async function millisUntil(promise: Promise<unknown>, limit = 120_000): Promise<number> {
  const startedAt = Date.now();
  let isSettled = false;
  void promise.finally(() => {
    isSettled = true;
  });
  await jest.advanceTimersByTimeAsync(0);
  while (!isSettled && Date.now() - startedAt < limit) await jest.advanceTimersByTimeAsync(10);
  expect(isSettled).toBe(true);
  return Date.now() - startedAt;
}

describe('forceFlush', () => {
  it('resolves when what came before it is stored, the write in flight included, without the linger', async () => {
    const store = new ScriptedRecordStore({
      write: () => new Promise((resolve) => setTimeout(resolve, 200)),
    });
    const exporter = new BatchRecordExporter(store, { scheduledDelayMillis: 10_000 });
    exportSteps(exporter, 5);
    const first = exporter.forceFlush();
    exportSteps(exporter, 5);
    const second = exporter.forceFlush();
    expect(await millisUntil(first)).toBe(200);
    expect(store.rows.size).toBe(5);
    expect(await millisUntil(second)).toBe(200);
    expect(store.rows.size).toBe(10);
  });

  it('is shared by callers that wait for the same records', () => {
    const exporter = new BatchRecordExporter(new ScriptedRecordStore());
    exportSteps(exporter, 1);
    expect(exporter.forceFlush()).toBe(exporter.forceFlush());
  });

  it('resolves at once when nothing is queued', async () => {
    const store = new ScriptedRecordStore();
    await new BatchRecordExporter(store).forceFlush();
    expect(store.calls.init).toBe(0);
  });

  it('cuts the wait of a back-off short', async () => {
    const store = new ScriptedRecordStore({
      write: () => {
        throw codedError('EROFS');
      },
    });
    const exporter = new BatchRecordExporter(store, { retry: { random: () => 0.999 } });
    exportSteps(exporter, 3);
    await jest.advanceTimersByTimeAsync(100_000);
    store.script = {};
    expect(await millisUntil(exporter.forceFlush())).toBe(0);
    expect(store.rows.size).toBe(3);
  });

  it('gives up after exportTimeoutMillis, and the records stay queued', async () => {
    const store = new ScriptedRecordStore({ write: never });
    const exporter = new BatchRecordExporter(store, { exportTimeoutMillis: 2_000 });
    exportSteps(exporter, 3);
    expect(await millisUntil(exporter.forceFlush())).toBe(2_000);
    expect(exporter.accounts()).toMatchObject({ queued: 3, stored: 0 });
  });
});

describe('shutdown', () => {
  it('during a write waits for it, stores the rest, closes the store and says so', async () => {
    const order: string[] = [];
    const store = new ScriptedRecordStore({
      write: async () => {
        await new Promise((resolve) => setTimeout(resolve, 300));
        order.push('written');
      },
      close: () => void order.push('closed'),
    });
    const exporter = new BatchRecordExporter(store);
    exportSteps(exporter, 5);
    await jest.advanceTimersByTimeAsync(100);
    exportSteps(exporter, 5);
    const report = exporter.shutdown();
    // 250 ms are left of the write under way, and the second takes 300.
    expect(await millisUntil(report)).toBe(550);
    expect(await report).toEqual({ stored: 10, left: 0, dropped: 0 });
    expect(order).toEqual(['written', 'written', 'closed']);
    expect(store.rows.size).toBe(10);
  });

  it.each([
    ['hangs in write', { write: never }],
    ['hangs in init', { init: never }],
    ['hangs in write and close', { write: never, close: never }],
    [
      'refuses everything',
      {
        write: () => {
          throw codedError('ECONNREFUSED');
        },
      },
    ],
  ])('ends by its deadline and counts the losses when the store %s', async (_, script) => {
    const exporter = new BatchRecordExporter(new ScriptedRecordStore(script), {
      shutdownTimeoutMillis: 1_000,
    });
    exportSteps(exporter, 600);
    await jest.advanceTimersByTimeAsync(20);
    const report = exporter.shutdown();
    expect(await millisUntil(report)).toBeLessThanOrEqual(1_000);
    expect(await report).toEqual({ stored: 0, left: 0, dropped: 600 });
    expect(exporter.accounts()).toMatchObject({
      queued: 0,
      queuedBytes: 0,
      dropped: { shutdown_deadline: 600 },
    });
  });

  it('does not hang on a store that does not close', async () => {
    const exporter = new BatchRecordExporter(new ScriptedRecordStore({ close: never }));
    exportSteps(exporter, 1);
    const report = exporter.shutdown();
    expect(await millisUntil(report)).toBeLessThanOrEqual(5_000);
    expect(await report).toEqual({ stored: 1, left: 0, dropped: 0 });
  });

  it('survives a store that fails to close', async () => {
    const store = new ScriptedRecordStore({
      close: () => {
        throw codedError('EIO');
      },
    });
    expect(await new BatchRecordExporter(store).shutdown()).toEqual({ stored: 0, left: 0, dropped: 0 });
  });

  it('makes use of a store that comes back before the deadline', async () => {
    const store = new ScriptedRecordStore({
      write: () => {
        throw codedError('ECONNREFUSED');
      },
    });
    const exporter = new BatchRecordExporter(store, { retry: { random: () => 0.999 } });
    exportSteps(exporter, 10);
    await jest.advanceTimersByTimeAsync(60_000);
    const report = exporter.shutdown();
    await jest.advanceTimersByTimeAsync(3_900);
    store.script = {};
    await millisUntil(report);
    expect(await report).toEqual({ stored: 10, left: 0, dropped: 0 });
  });

  it('makes no further call of the store after the deadline', async () => {
    let answer: (error: Error) => void = () => undefined;
    const store = new ScriptedRecordStore({
      write: () => new Promise((_, reject) => (answer = reject)),
    });
    const exporter = new BatchRecordExporter(store);
    exportSteps(exporter, 4);
    const report = exporter.shutdown();
    await millisUntil(report);
    answer(new Error('unheard of'));
    await jest.advanceTimersByTimeAsync(60_000);
    expect(store.calls).toMatchObject({ write: 1, quarantine: 0, close: 1 });
    expect(exporter.accounts()).toMatchObject({ created: 4, dropped: { shutdown_deadline: 4 } });
    expect(unaccounted(exporter.accounts())).toBe(0);
  });

  it('does not count as stored what a write stores after the deadline', async () => {
    const store = new ScriptedRecordStore({
      write: () => new Promise((resolve) => setTimeout(resolve, 8_000)),
    });
    const exporter = new BatchRecordExporter(store);
    exportSteps(exporter, 4);
    await millisUntil(exporter.shutdown());
    await jest.advanceTimersByTimeAsync(10_000);
    expect(store.rows.size).toBe(4);
    expect(exporter.accounts()).toMatchObject({ stored: 0, dropped: { shutdown_deadline: 4 } });
  });

  it('is one promise for ten concurrent callers, before any record', async () => {
    const store = new ScriptedRecordStore();
    const exporter = new BatchRecordExporter(store);
    const promises = Array.from({ length: 10 }, () => exporter.shutdown());
    expect(new Set(promises).size).toBe(1);
    expect(await promises[0]).toEqual({ stored: 0, left: 0, dropped: 0 });
    expect(store.calls).toMatchObject({ init: 0, close: 1 });
    await exporter.forceFlush();
    await exporter.ready();
    expect(exporter.shutdown()).toBe(promises[0]);
  });

  it('refuses and counts the records that come after it', async () => {
    const store = new ScriptedRecordStore();
    const exporter = new BatchRecordExporter(store);
    exportSteps(exporter, 10);
    const report = exporter.shutdown();
    exportSteps(exporter, 100);
    expect(await report).toEqual({ stored: 10, left: 0, dropped: 0 });
    exportSteps(exporter, 100);
    expect(exporter.accounts()).toMatchObject({ created: 210, stored: 10, dropped: { after_shutdown: 200 } });
    expect(store.rows.size).toBe(10);
  });
});
