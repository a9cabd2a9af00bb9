import { trace } from '@opentelemetry/api';
import { TracerProvider } from '@opentelemetry/sdk-trace';
import { BatchRecordExporter, ExecutionSpanProcessor, type RecordStore } from 'runledger';
import type { Sample, Suite } from './measure.ts';
import { runSteps } from './workload.ts';

const RECORDS = 200_000;

export const suite: Suite = {
  title: 'Memory of the queue while the store is away',
  variants: { queue: queued },
  comparisons: [
    {
      what: 'heap for each queued record of a step',
      figure: 'bytes/record',
      of: 'queue',
      goal: { atMost: 360 },
      unit: 'B',
    },
  ],
};

async function queued(): Promise<Sample> {
  const away: RecordStore = {
    name: 'away',
    init: () => new Promise(() => {}),
    write: () => new Promise(() => {}),
    quarantine: () => new Promise(() => {}),
    prune: () => new Promise(() => {}),
    close: async () => undefined,
  };
  const exporter = new BatchRecordExporter(away, { maxQueueSize: 2 * RECORDS, maxQueueBytes: 2 ** 30 });
  trace.setGlobalTracerProvider(
    new TracerProvider({ spanProcessors: [new ExecutionSpanProcessor({ exporter })] }),
  );
  await runSteps(1_000);
  const before = heapUsed();
  const queuedBefore = exporter.accounts().queued;
  await runSteps(RECORDS);
  return { 'bytes/record': (heapUsed() - before) / (exporter.accounts().queued - queuedBefore) };
}

function heapUsed(): number {
  globalThis.gc?.();
  globalThis.gc?.();
  return process.memoryUsage().heapUsed;
}
