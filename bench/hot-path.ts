import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { context, metrics, trace } from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import {
  AggregationTemporality,
  InMemoryMetricExporter,
  MeterProvider,
  PeriodicExportingMetricReader,
} from '@opentelemetry/sdk-metrics';
import { type SpanProcessor, TracerProvider } from '@opentelemetry/sdk-trace';
import { BatchRecordExporter, ExecutionSpanProcessor, type RecordStore } from 'runledger';
import { SqliteRecordStore } from 'runledger/sql';
import type { Sample, Suite } from './measure.ts';
import { batchSpanProcessor, DISCARDING } from './peers.ts';
import { runSteps, stepCost } from './workload.ts';

const STEPS = 300_000;

export const suite: Suite = {
  title: 'Cost of a step, main-thread CPU',
  variants: {
    'no processor': () => measured([]),
    batch: () => measured([batchSpanProcessor()]),
    ledger: () => measured([ledger(DISCARDING)]),
    'ledger to sqlite': () => toSqlite([]),
    'batch and ledger to sqlite': () => toSqlite([batchSpanProcessor()]),
    'batch, histogram': () => {
      const histogram = meterProvider().getMeter('peer').createHistogram('peer.duration', { unit: 's' });
      const attributes = {
        'runledger.kind': 'step',
        'runledger.pipeline.name': 'bench',
        'runledger.name': 'noop',
        'runledger.outcome': 'success',
      };
      const timed = () => {
        const started = performance.now();
        histogram.record((performance.now() - started) / 1_000, attributes);
      };
      return measured([batchSpanProcessor()], (count) => runSteps(count, undefined, timed));
    },
    'ledger, metrics': () => {
      metrics.setGlobalMeterProvider(meterProvider());
      return measured([ledger(DISCARDING)]);
    },
  },
  comparisons: [
    compared('processor, live table, failure ledger, record / BatchSpanProcessor', 'ledger', 'batch', 1.15),
    compared('the whole path to SQLite on disk / BatchSpanProcessor', 'ledger to sqlite', 'batch', 1.3),
    compared(
      'with its duration metric / BatchSpanProcessor and a histogram recorded by hand',
      'ledger, metrics',
      'batch, histogram',
      1.15,
    ),
  ],
};

function compared(what: string, of: string, against: string, atMost: number) {
  return { what, figure: 'ns/step', of, against, goal: { atMost } };
}

async function measured(spanProcessors: SpanProcessor[], run = runSteps): Promise<Sample> {
  context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
  const provider = new TracerProvider({ spanProcessors });
  trace.setGlobalTracerProvider(provider);
  const sample = await stepCost(STEPS, run);
  await provider.shutdown();
  return sample;
}

function ledger(store: RecordStore): SpanProcessor {
  return new ExecutionSpanProcessor({ exporter: new BatchRecordExporter(store) });
}

/** As fast as the store takes records and no faster, so that every one is written and paid for. */
async function toSqlite(others: SpanProcessor[]): Promise<Sample> {
  const folder = mkdtempSync(join(tmpdir(), 'runledger-bench-'));
  try {
    const exporter = new BatchRecordExporter(new SqliteRecordStore({ path: join(folder, 'ledger.db') }));
    const processors = [...others, new ExecutionSpanProcessor({ exporter })];
    const sample = await measured(processors, async (count) => {
      await runSteps(count, () => exporter.ready());
      await exporter.forceFlush();
    });
    const { created, stored } = exporter.accounts();
    if (created !== stored) throw new Error(`${created - stored} of ${created} records were lost`);
    return sample;
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function meterProvider(): MeterProvider {
  const exporter = new InMemoryMetricExporter(AggregationTemporality.CUMULATIVE);
  return new MeterProvider({
    readers: [new PeriodicExportingMetricReader({ exporter, exportIntervalMillis: 3_600_000 })],
  });
}
