import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { setTimeout as delay } from 'node:timers/promises';
import { context, trace } from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import { TracerProvider } from '@opentelemetry/sdk-trace';
import { BatchRecordExporter, ExecutionSpanProcessor } from 'runledger';
import { SqliteRecordStore } from 'runledger/sql';
import type { Sample, Suite } from './measure.ts';
import { runSteps } from './workload.ts';

const RECORDS = 1_000_000;

export const suite: Suite = {
  title: 'Event-loop delay while records are persisted to SQLite',
  variants: {
    '10,000/s': async () => {
      const idle = await watched(() => delay(5_000));
      const busy = await persisted(50_000, 10_000);
      const overIdle = (busy['max ms'] ?? Number.NaN) - (idle['max ms'] ?? Number.NaN);
      return { ...busy, 'idle max ms': idle['max ms'] ?? Number.NaN, 'over idle ms': overIdle };
    },
    'flat out, 1,000,000': () => persisted(RECORDS),
  },
  comparisons: [
    {
      what: 'longest delay, 1,000,000 records flat out',
      figure: 'max ms',
      of: 'flat out, 1,000,000',
      goal: { atMost: 15 },
      unit: 'ms',
    },
    { what: 'records lost, flat out', figure: 'lost', of: 'flat out, 1,000,000', goal: { atMost: 0 } },
    {
      what: 'longest delay at 10,000/s, over the longest of an idle process',
      figure: 'over idle ms',
      of: '10,000/s',
      goal: { atMost: 1 },
      unit: 'ms',
    },
  ],
};

async function persisted(count: number, perSecond?: number): Promise<Sample> {
  const folder = mkdtempSync(join(tmpdir(), 'runledger-bench-'));
  try {
    const exporter = new BatchRecordExporter(new SqliteRecordStore({ path: join(folder, 'ledger.db') }));
    context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
    trace.setGlobalTracerProvider(
      new TracerProvider({ spanProcessors: [new ExecutionSpanProcessor({ exporter })] }),
    );
    const started = performance.now();
    let turns = 0;
    const sample = await watched(async () => {
      await runSteps(count, async () => {
        turns += 1;
        await exporter.ready();
        if (perSecond !== undefined) {
          const due = started + (turns * 100_000) / perSecond;
          await delay(Math.max(0, due - performance.now()));
        }
      });
      await exporter.forceFlush();
    });
    const { created, stored } = exporter.accounts();
    const seconds = (performance.now() - started) / 1_000;
    await exporter.shutdown();
    return { ...sample, 'records/s': stored / seconds, lost: created - stored };
  } finally {
    rmSync(folder, { recursive: true });
  }
}

async function watched(work: () => Promise<unknown>): Promise<Sample> {
  const histogram = monitorEventLoopDelay({ resolution: 1 });
  histogram.enable();
  await work();
  histogram.disable();
  return { 'p99 ms': histogram.percentile(99) / 1e6, 'max ms': histogram.max / 1e6 };
}
