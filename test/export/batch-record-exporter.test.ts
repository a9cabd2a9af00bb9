import { AsyncLocalStorage } from 'node:async_hooks';
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { context, createContextKey, DiagLogLevel, diag } from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import { BatchRecordExporter } from '../../src/export/batch-record-exporter.ts';
import { failure, runRecord, stepRecord } from '../support/execution-records.ts';
import { droppedOf, unaccounted } from '../support/record-accounts.ts';
import { codedError, never, ScriptedRecordStore, sqliteError } from '../support/scripted-record-store.ts';

beforeEach(() => {
  jest.useFakeTimers();
});

afterEach(() => {
  diag.disable();
  context.disable();
  jest.useRealTimers();
});

/** Lets the linger and the writes of a healthy store happen. */
async function settle(): Promise<void> {
  await jest.advanceTimersByTimeAsync(50);
}

function exportSteps(exporter: BatchRecordExporter, count: number): void {
  for (let index = 0; index < count; index++) exporter.export(stepRecord());
}

/** The warnings and notes logged, without their prefix. */
function collectLog(): string[] {
  const lines: string[] = [];
  const note = (line: string) => void lines.push(line);
  diag.setLogger(
    { error: note, warn: note, info: note, debug: note, verbose: note },
    { logLevel: DiagLogLevel.INFO, suppressOverrideMessage: true },
  );
  return lines;
}

describe('a healthy store', () => {
  it('gets what gathered during the linger in one write', async () => {
    const store = new ScriptedRecordStore();
    const exporter = new BatchRecordExporter(store);
    exportSteps(exporter, 3);
    await jest.advanceTimersByTimeAsync(49);
    expect(store.calls).toMatchObject({ init: 0, write: 0 });
    await jest.advanceTimersByTimeAsync(1);
    expect(store.writes.map((write) => write.length)).toEqual([3]);
    expect(store.calls.init).toBe(1);
    expect(exporter.accounts()).toMatchObject({ created: 3, stored: 3, queued: 0, queuedBytes: 0 });
  });

  it('has one write in flight, and the next takes what gathers meanwhile and during the linger', async () => {
    let finish: () => void = () => undefined;
    const store = new ScriptedRecordStore({
      write: (_, call) => (call === 1 ? new Promise<void>((resolve) => (finish = resolve)) : undefined),
    });
    const exporter = new BatchRecordExporter(store);
    exportSteps(exporter, 1);
    await settle();
    exportSteps(exporter, 7);
    await settle();
    expect(store.writes.map((write) => write.length)).toEqual([1]);
    expect(exporter.accounts()).toMatchObject({ queued: 8, stored: 0 });
    finish();
    await jest.advanceTimersByTimeAsync(40);
    expect(store.writes.map((write) => write.length)).toEqual([1]);
    exportSteps(exporter, 2);
    await jest.advanceTimersByTimeAsync(10);
    expect(store.writes.map((write) => write.length)).toEqual([1, 9]);
    expect(exporter.accounts()).toMatchObject({ queued: 0, stored: 10 });
  });

  it('is written to without a linger for a flush, and with one again for what comes after it', async () => {
    const store = new ScriptedRecordStore({
      // The load goes on: there is something new after every write.
      write: (_, call) => (call < 40 ? exportSteps(exporter, 1) : undefined),
    });
    const exporter = new BatchRecordExporter(store);
    exportSteps(exporter, 3);
    await exporter.forceFlush();
    expect(store.calls.write).toBe(1);
    await jest.advanceTimersByTimeAsync(49);
    expect(store.calls.write).toBe(1);
    await jest.advanceTimersByTimeAsync(1);
    expect(store.calls.write).toBe(2);
  });

  it('gets a full batch in the next turn, without the linger, and larger ones under backlog', async () => {
    const store = new ScriptedRecordStore();
    const exporter = new BatchRecordExporter(store, { scheduledDelayMillis: 60_000 });
    exportSteps(exporter, 10_000);
    expect(store.calls.write).toBe(0);
    await jest.advanceTimersByTimeAsync(1);
    expect(store.writes.map((write) => write.length)).toEqual([512, 1024, 2048, 2048, 2048, 2048]);
    await jest.advanceTimersByTimeAsync(60_000);
    expect(store.writes.at(-1)).toHaveLength(272);
    expect(exporter.accounts()).toMatchObject({ stored: 10_000, queued: 0 });
  });

  it('that takes two writes at once gets the second while a full batch waits, and no third', async () => {
    const finish: (() => void)[] = [];
    const store = new ScriptedRecordStore(
      { write: () => new Promise<void>((resolve) => finish.push(resolve)) },
      2,
    );
    const sizes = () => store.writes.map((write) => write.length);
    const exporter = new BatchRecordExporter(store);
    exportSteps(exporter, 511);
    await settle();
    exportSteps(exporter, 511);
    await settle();
    expect(sizes()).toEqual([511]);
    exportSteps(exporter, 1);
    // A full batch waits by now, and nobody woke the loop for it.
    finish.shift()?.();
    await settle();
    expect(sizes()).toEqual([511, 512]);
    exportSteps(exporter, 2_000);
    await settle();
    expect(sizes()).toEqual([511, 512]);
    finish.pop()?.();
    await settle();
    expect(sizes()).toEqual([511, 512, 1_024]);
  });

  it('gets failures and runs before the steps that went well, each in order', async () => {
    const store = new ScriptedRecordStore();
    const exporter = new BatchRecordExporter(store, { maxExportBatchSize: 2, maxBacklogBatchSize: 2 });
    const names = ['ok-1', 'failed-1', 'ok-2', 'failed-2'];
    for (const name of names)
      exporter.export(stepRecord({ name, ...(name.startsWith('ok') ? {} : failure()) }));
    exporter.export(runRecord({ name: 'run' }));
    await settle();
    expect(store.writes.flat().map(({ name }) => name)).toEqual([
      'failed-1',
      'failed-2',
      'run',
      'ok-1',
      'ok-2',
    ]);
  });

  it('numbers records without a gap; those sampled out take no number', async () => {
    const store = new ScriptedRecordStore();
    const exporter = new BatchRecordExporter(store);
    exportSteps(exporter, 2);
    exporter.sampledOut(5);
    exportSteps(exporter, 2);
    await settle();
    expect([...store.rows.values()].map(({ seq }) => seq)).toEqual([1, 2, 3, 4]);
    expect(exporter.accounts()).toMatchObject({ created: 9, stored: 4, sampledOut: 5 });
  });

  it('gets one row for two revisions in a batch, the higher one, and both count as stored', async () => {
    const store = new ScriptedRecordStore();
    const exporter = new BatchRecordExporter(store);
    const recordId = 'one';
    exporter.export(stepRecord({ recordId, rev: 1, state: 'running' }));
    exporter.export(stepRecord({ recordId, rev: 3, name: 'highest' }));
    exporter.export(stepRecord({ recordId, rev: 2 }));
    await settle();
    expect(store.writes.map((write) => write.map(({ name }) => name))).toEqual([['highest']]);
    expect(exporter.accounts()).toMatchObject({ created: 3, stored: 3, queued: 0 });
  });

  it('is called untraced, outside the context of whoever exported', async () => {
    const suppressed = createContextKey('OpenTelemetry SDK Context Key SUPPRESS_TRACING');
    context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
    const caller = new AsyncLocalStorage<string>();
    const seen: unknown[] = [];
    // Fake timers do not carry async contexts.
    jest.useRealTimers();
    const look = () => void seen.push([context.active().getValue(suppressed), caller.getStore()]);
    let onWritten: () => void = () => undefined;
    const written = new Promise<void>((resolve) => {
      onWritten = resolve;
    });
    const write = () => {
      look();
      onWritten();
    };
    const store = new ScriptedRecordStore({ init: look, write, close: look });
    const exporter = new BatchRecordExporter(store);
    caller.run('a request', () => exporter.export(stepRecord()));
    await written;
    await exporter.shutdown();
    expect(seen).toEqual(Array(3).fill([true, undefined]));
  });
});

describe('a store that does not take records', () => {
  it('is tried without end, and has every record once it is back', async () => {
    const store = new ScriptedRecordStore({
      write: () => {
        throw codedError('ECONNREFUSED');
      },
    });
    const exporter = new BatchRecordExporter(store);
    exportSteps(exporter, 100);
    await jest.advanceTimersByTimeAsync(3_600_000);
    expect(exporter.accounts()).toMatchObject({ created: 100, queued: 100, stored: 0 });
    expect(store.calls.write).toBeGreaterThan(3_600 / 5);
    store.script = {};
    await jest.advanceTimersByTimeAsync(5_000);
    expect(store.rows.size).toBe(100);
    expect(exporter.accounts()).toMatchObject({ queued: 0, stored: 100 });
    expect(droppedOf(exporter.accounts())).toBe(0);
  });

  it('is opened again and again while opening fails, whatever the error says', async () => {
    const store = new ScriptedRecordStore({
      init: (_, call) => {
        if (call < 5) throw codedError('ERR_INVALID_ARG_VALUE');
      },
    });
    const exporter = new BatchRecordExporter(store);
    exportSteps(exporter, 3);
    await jest.advanceTimersByTimeAsync(60_000);
    expect(store.calls).toMatchObject({ init: 5, write: 1, quarantine: 0 });
    expect(store.rows.size).toBe(3);
  });

  it('is opened again before each new try, which brings back a thread that died', async () => {
    let isAlive = true;
    const store = new ScriptedRecordStore({
      init: () => {
        isAlive = true;
      },
      write: (_, call) => {
        if (call === 1) isAlive = false;
        if (!isAlive) throw codedError('ERR_WORKER_NOT_RUNNING');
      },
    });
    const exporter = new BatchRecordExporter(store);
    exportSteps(exporter, 3);
    await jest.advanceTimersByTimeAsync(1_000);
    expect(store.calls).toMatchObject({ init: 2, write: 2 });
    expect(store.rows.size).toBe(3);
  });

  it('is waited for with full jitter: a bound that doubles from 100 ms to 5 s', async () => {
    const at: number[] = [];
    const store = new ScriptedRecordStore({
      write: () => {
        at.push(performance.now());
        throw sqliteError(5);
      },
    });
    const exporter = new BatchRecordExporter(store, {
      scheduledDelayMillis: 0,
      retry: { random: () => 0.5 },
    });
    exportSteps(exporter, 1);
    await jest.advanceTimersByTimeAsync(20_000);
    const waits = at.slice(1).map((time, index) => Math.round(time - (at[index] ?? 0)));
    expect(waits.slice(0, 9)).toEqual([50, 100, 200, 400, 800, 1_600, 2_500, 2_500, 2_500]);
  });

  it('is asked every 30 s at most where somebody has to act', async () => {
    const store = new ScriptedRecordStore({
      write: () => {
        throw sqliteError(11);
      },
    });
    const exporter = new BatchRecordExporter(store, { retry: { random: () => 1 - 2 ** -53 } });
    exportSteps(exporter, 1);
    await jest.advanceTimersByTimeAsync(300_000);
    expect(store.calls.write).toBe(10);
  });

  it('is logged twice, at the beginning with what to do and at the end, and never with a message', async () => {
    const log = collectLog();
    const store = new ScriptedRecordStore({
      write: () => {
        throw Object.assign(new Error('connect postgres://user:hunter2@db'), { code: 'EACCES' });
      },
    });
    const exporter = new BatchRecordExporter(store);
    exportSteps(exporter, 10);
    await jest.advanceTimersByTimeAsync(600_000);
    expect(log).toHaveLength(1);
    expect(log[0]).toMatch(/scripted store .*\(EACCES\).*check .*permissions/);
    store.script = {};
    await jest.advanceTimersByTimeAsync(30_000);
    expect(log).toHaveLength(2);
    expect(log[1]).toMatch(/takes records again after \d+\.\d s/);
    expect(log.join()).not.toContain('hunter2');
  });

  it('that fails two writes at once gets both again in their order, one at a time until it works', async () => {
    const store = new ScriptedRecordStore(
      {
        write: (_, call) => {
          if (call <= 2)
            return new Promise((_resolve, reject) => setTimeout(reject, 300 / call, sqliteError(5)));
          return undefined;
        },
      },
      2,
    );
    const exporter = new BatchRecordExporter(store);
    exportSteps(exporter, 2_000);
    let isFlushed = false;
    const flushed = exporter.forceFlush().then(() => (isFlushed = true));
    await jest.advanceTimersByTimeAsync(299);
    expect(store.writes.map((write) => write.length)).toEqual([512, 512]);
    expect(exporter.accounts()).toMatchObject({ queued: 2_000, stored: 0 });
    await jest.advanceTimersByTimeAsync(1);
    expect(isFlushed).toBe(false);
    await jest.advanceTimersByTimeAsync(5_000);
    await flushed;
    const seqs = store.writes.slice(2).flatMap((write) => write.map(({ seq }) => seq));
    expect(seqs).toEqual(Array.from({ length: 2_000 }, (_, index) => index + 1));
    expect(exporter.accounts()).toMatchObject({ created: 2_000, stored: 2_000, queued: 0 });
  });

  it('gets the same records again when a write never settles, half as many at a time', async () => {
    const store = new ScriptedRecordStore({ write: (_, call) => (call <= 2 ? never() : undefined) });
    const exporter = new BatchRecordExporter(store, { exportTimeoutMillis: 1_000 });
    exportSteps(exporter, 8);
    await jest.advanceTimersByTimeAsync(1_500);
    expect(exporter.accounts()).toMatchObject({ queued: 8, stored: 0 });
    await jest.advanceTimersByTimeAsync(5_000);
    expect(store.writes.map((write) => write.map(({ seq }) => seq))).toEqual([
      [1, 2, 3, 4, 5, 6, 7, 8],
      [1, 2, 3, 4],
      [1, 2],
      [3, 4, 5, 6],
      [7, 8],
    ]);
    expect(exporter.accounts()).toMatchObject({ queued: 0, stored: 8 });
  });

  it('that throws at once, or answers with no promise, is one that rejects or resolves', async () => {
    const store = new ScriptedRecordStore();
    let calls = 0;
    store.write = (() => {
      if (++calls === 1) throw codedError('EPIPE');
    }) as unknown as typeof store.write;
    const exporter = new BatchRecordExporter(store);
    exportSteps(exporter, 2);
    await settle();
    await jest.advanceTimersByTimeAsync(100);
    expect(calls).toBe(2);
    expect(exporter.accounts()).toMatchObject({ stored: 2, queued: 0 });
  });
});

describe('export', () => {
  it('counts what it can not take in, and throws nothing', async () => {
    const exporter = new BatchRecordExporter(new ScriptedRecordStore());
    exporter.export(undefined as never);
    exporter.export(Object.freeze(stepRecord()));
    expect(exporter.accounts()).toMatchObject({ created: 2, dropped: { internal_error: 2 } });
    expect(unaccounted(exporter.accounts())).toBe(0);
  });

  it('does not suffer from a logger that throws', async () => {
    let isBroken = false;
    const explode = () => {
      if (isBroken) throw new Error('logger');
    };
    const logger = { error: explode, warn: explode, info: explode, debug: explode, verbose: explode };
    diag.setLogger(logger, { logLevel: DiagLogLevel.ALL, suppressOverrideMessage: true });
    isBroken = true;
    const exporter = new BatchRecordExporter(new ScriptedRecordStore(), { maxQueueSize: 1 });
    exportSteps(exporter, 3);
    await settle();
    isBroken = false;
    expect(exporter.accounts()).toMatchObject({ stored: 1, dropped: { queue_full: 2 } });
  });
});

describe('a queue that overflows', () => {
  it('is logged when it begins, and with the losses when there is room again', async () => {
    const log = collectLog();
    const store = new ScriptedRecordStore({
      write: () => {
        throw codedError('ECONNREFUSED');
      },
    });
    const exporter = new BatchRecordExporter(store, { maxQueueSize: 1_000 });
    exportSteps(exporter, 1_200);
    await jest.advanceTimersByTimeAsync(60_000);
    exportSteps(exporter, 34);
    store.script = {};
    await jest.advanceTimersByTimeAsync(5_000);
    expect(log).toHaveLength(4);
    expect(log.filter((line) => line.includes('the queue is full'))).toHaveLength(1);
    expect(
      log.filter((line) => /has room again after 6\d\.\d s; 234 records were dropped/.test(line)),
    ).toHaveLength(1);
    expect(exporter.accounts()).toMatchObject({ stored: 1_000, dropped: { queue_full: 234 } });
  });
});

describe('ready', () => {
  it('resolves at once with room, and in a crowded queue when half of it is free', async () => {
    const store = new ScriptedRecordStore({
      write: () => {
        throw codedError('ECONNRESET');
      },
    });
    const exporter = new BatchRecordExporter(store, {
      maxQueueSize: 100,
      maxExportBatchSize: 10,
      maxBacklogBatchSize: 10,
    });
    exportSteps(exporter, 79);
    await exporter.ready();
    exportSteps(exporter, 1);
    let queuedThen: number | undefined;
    const ready = exporter.ready().then(() => {
      queuedThen = exporter.accounts().queued;
    });
    await jest.advanceTimersByTimeAsync(60_000);
    expect(queuedThen).toBeUndefined();
    store.script = {};
    await jest.advanceTimersByTimeAsync(5_000);
    await ready;
    expect(queuedThen).toBeLessThan(50);
    expect(exporter.accounts().stored).toBe(80);
  });

  it('resolves on shutdown', async () => {
    const exporter = new BatchRecordExporter(new ScriptedRecordStore({ write: never }), { maxQueueSize: 1 });
    exportSteps(exporter, 1);
    const ready = exporter.ready();
    const report = exporter.shutdown();
    await jest.advanceTimersByTimeAsync(0);
    await ready;
    await jest.advanceTimersByTimeAsync(5_000);
    expect(await report).toEqual({ stored: 0, left: 0, dropped: 1 });
  });
});
