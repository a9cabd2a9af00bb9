import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { DiagLogLevel, diag } from '@opentelemetry/api';
import { DEFAULT_RETENTION, pruneOnSchedule } from '../../src/export/retention-schedule.ts';
import { codedError, never, ScriptedRecordStore } from '../support/scripted-record-store.ts';

beforeEach(() => {
  jest.useFakeTimers();
});

afterEach(() => {
  diag.disable();
  jest.useRealTimers();
});

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;

describe('pruneOnSchedule', () => {
  it('prunes a minute after the start and then every hour, with the default policy', async () => {
    const policies: unknown[] = [];
    const store = new ScriptedRecordStore({ prune: (policy) => void policies.push(policy) });
    const schedule = pruneOnSchedule(store, { maxAgeMs: 1_000 });
    await jest.advanceTimersByTimeAsync(MINUTE - 1);
    expect(store.calls).toMatchObject({ init: 0, prune: 0 });
    await jest.advanceTimersByTimeAsync(1);
    expect(policies).toEqual([{ ...DEFAULT_RETENTION, maxAgeMs: 1_000 }]);
    await jest.advanceTimersByTimeAsync(3 * HOUR);
    expect(store.calls.prune).toBe(4);
    await schedule.stop();
    await jest.advanceTimersByTimeAsync(3 * HOUR);
    expect(store.calls.prune).toBe(4);
  });

  it('runs one prune at a time, however long it takes', async () => {
    const store = new ScriptedRecordStore({
      prune: () => new Promise((resolve) => setTimeout(resolve, 5 * HOUR)),
    });
    const schedule = pruneOnSchedule(store);
    await jest.advanceTimersByTimeAsync(5 * HOUR);
    expect(store.calls.prune).toBe(1);
    await jest.advanceTimersByTimeAsync(1 * HOUR + MINUTE);
    expect(store.calls.prune).toBe(2);
    const stopped = schedule.stop();
    await jest.advanceTimersByTimeAsync(1_000);
    await stopped;
  });

  it('stops after the prune under way, or without it when that hangs', async () => {
    const order: string[] = [];
    const store = new ScriptedRecordStore({
      prune: async () => {
        await new Promise((resolve) => setTimeout(resolve, 500));
        order.push('pruned');
      },
    });
    const schedule = pruneOnSchedule(store);
    await jest.advanceTimersByTimeAsync(MINUTE);
    const stopped = schedule.stop().then(() => order.push('stopped'));
    await jest.advanceTimersByTimeAsync(1_000);
    await stopped;
    expect(order).toEqual(['pruned', 'stopped']);

    const hanging = pruneOnSchedule(new ScriptedRecordStore({ prune: never }));
    await jest.advanceTimersByTimeAsync(MINUTE);
    const gaveUp = hanging.stop().then(() => 'stopped');
    await jest.advanceTimersByTimeAsync(1_000);
    expect(await gaveUp).toBe('stopped');
  });

  it('logs a series of failures once and goes on', async () => {
    const log: string[] = [];
    const note = (line: string) => void log.push(line);
    diag.setLogger(
      { error: note, warn: note, info: note, debug: note, verbose: note },
      { logLevel: DiagLogLevel.INFO, suppressOverrideMessage: true },
    );
    const store = new ScriptedRecordStore({
      prune: () => {
        throw codedError('ENOSPC');
      },
    });
    const schedule = pruneOnSchedule(store);
    await jest.advanceTimersByTimeAsync(10 * HOUR);
    expect(store.calls.prune).toBe(10);
    expect(log).toHaveLength(1);
    expect(log[0]).toContain('scripted store could not be pruned (ENOSPC)');
    store.script = {};
    await jest.advanceTimersByTimeAsync(2 * HOUR);
    expect(log).toHaveLength(2);
    await schedule.stop();
  });
});
