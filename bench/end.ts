import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { context, trace } from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import { type SpanProcessor, TracerProvider } from '@opentelemetry/sdk-trace';
import { createRunledger, startPipeline } from 'runledger';
import type { Sample, Suite } from './measure.ts';
import { batchSpanProcessor, DISCARDING } from './peers.ts';

const STEPS = 100_000;
const WARM_UP = 30_000;
const STEPS_A_TURN = 100;

export const suite: Suite = {
  title: 'Until end() of a step returns, records of 1 KB',
  variants: {
    process: () => ledger('process'),
    memory: () => ledger('memory'),
    batch: () => measured(batchSpanProcessor()),
  },
  comparisons: [
    added('p50 µs', 'what durability process adds to memory, median', 'memory', 8),
    added('p99 µs', 'the same, p99', 'memory', 30),
    added('p50 µs', 'what it adds to BatchSpanProcessor, median', 'batch', 15),
    added('p99 µs', 'the same, p99', 'batch', 100),
  ],
};

function added(figure: string, what: string, over: string, atMost: number) {
  return { what, figure, of: 'process', over, goal: { atMost }, unit: 'µs' };
}

/** What a caller waits each time. Everything else has its turn in between, as it has in a program. */
async function measured(processor: SpanProcessor): Promise<Sample> {
  context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
  const provider = new TracerProvider({ spanProcessors: [processor] });
  trace.setGlobalTracerProvider(provider);
  const run = startPipeline('bench');
  const nanos = new Float64Array(STEPS);
  for (let at = 0; at < WARM_UP + STEPS; at++) {
    const step = run.startStep('load', { attributes: ATTRIBUTES });
    const startedAt = process.hrtime.bigint();
    step.end();
    const took = process.hrtime.bigint() - startedAt;
    if (at >= WARM_UP) nanos[at - WARM_UP] = Number(took);
    if (at % STEPS_A_TURN === 0) await nextTurn();
  }
  run.end();
  await provider.shutdown();
  nanos.sort();
  return { 'p50 µs': at(nanos, 0.5), 'p99 µs': at(nanos, 0.99), 'max ms': at(nanos, 1) / 1e3 };
}

async function ledger(durability: 'process' | 'memory'): Promise<Sample> {
  const directory = mkdtempSync(join(tmpdir(), 'runledger-bench-'));
  try {
    const runledger = createRunledger({ store: DISCARDING, directory, durability, retention: false });
    const sample = await measured(runledger.spanProcessor as SpanProcessor);
    if (runledger.durability !== durability) throw new Error('the disk was too slow to be waited for');
    await runledger.shutdown();
    const { created, stored } = runledger.accounts();
    if (created !== STEPS + WARM_UP + 1 || created !== stored) {
      throw new Error(`${created} records were made, and ${stored} stored`);
    }
    return sample;
  } finally {
    rmSync(directory, { recursive: true });
  }
}

const ATTRIBUTES = { query: 'x'.repeat(400) };

/** A quantile of sorted nanoseconds, in microseconds. */
function at(sorted: Float64Array, quantile: number): number {
  const index = Math.min(sorted.length - 1, Math.floor(sorted.length * quantile));
  return (sorted[index] ?? Number.NaN) / 1e3;
}
