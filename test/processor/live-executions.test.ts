import { describe, expect, it } from '@jest/globals';
import { ROOT_CONTEXT } from '@opentelemetry/api';
import {
  AggregationTemporality,
  InMemoryMetricExporter,
  MeterProvider,
  PeriodicExportingMetricReader,
} from '@opentelemetry/sdk-metrics';
import { TracerProvider } from '@opentelemetry/sdk-trace';
import { ExecutionSpanProcessor } from '../../src/processor/execution-span-processor.ts';
import {
  ATTR_KIND,
  ATTR_PIPELINE_NAME,
  METRIC_EXECUTION_ACTIVE,
  METRIC_EXECUTIONS_EVICTED,
} from '../../src/semconv.ts';
import { CollectingExporter } from '../support/collecting-exporter.ts';
import { runNode } from '../support/node-process.ts';
import { TracedLedger } from '../support/traced-executions.ts';

describe('live executions', () => {
  it('are what runs now, first to start first', () => {
    const ledger = new TracedLedger();
    const run = ledger.pipeline('nightly-orders', { 'runledger.run.id': 'run-1' });
    const step = run.process('extract').step('download', { 'runledger.attempt': 3 });

    expect(ledger.processor.liveExecutions()).toEqual([
      expect.objectContaining({ kind: 'pipeline', name: 'nightly-orders', runId: 'run-1', state: 'running' }),
      expect.objectContaining({
        kind: 'process',
        name: 'extract',
        pipeline: 'nightly-orders',
        runId: 'run-1',
      }),
      expect.objectContaining({ kind: 'step', name: 'download', attempt: 3, runId: 'run-1' }),
    ]);
    expect(ledger.processor.liveExecutions(1)).toHaveLength(1);
    step.end();
    expect(ledger.processor.liveExecutions()).toHaveLength(2);
  });

  it('leave nothing behind after a thousand standalone steps that failed', () => {
    const ledger = new TracedLedger();
    for (let count = 0; count < 1_000; count++) ledger.step('load').fail(new Error('boom'));

    expect(ledger.processor.liveExecutions()).toEqual([]);
    expect(ledger.records).toHaveLength(1_000);
    expect(ledger.records.every(({ runId, recordId }) => runId === recordId)).toBe(true);
  });

  it('keep two runs with one run id apart', () => {
    const ledger = new TracedLedger();
    const attributes = { 'runledger.run.id': 'run-1' };
    const one = ledger.pipeline('one', attributes);
    const other = ledger.pipeline('other', attributes);
    one.step('fails').fail(new Error('one failed'));
    other.step('works').end();
    other.end();
    one.failSilently();

    expect(ledger.recordOf('one')).toMatchObject({ runId: 'run-1', outcome: 'failure', failedStep: 'fails' });
    expect(ledger.recordOf('other')).toMatchObject({
      runId: 'run-1',
      outcome: 'success',
      recoveredFailures: 0,
    });
    expect(ledger.records).toHaveLength(4);
  });

  it('record an execution whose start was not seen from its span alone, marked', () => {
    const exporter = new CollectingExporter();
    const late = new ExecutionSpanProcessor({ exporter });
    const provider = new TracerProvider({
      spanProcessors: [
        {
          onStart() {},
          onEnd: (span) => late.onEnd(span),
          forceFlush: () => late.forceFlush(),
          shutdown: () => late.shutdown(),
        },
      ],
    });
    const attributes = {
      [ATTR_KIND]: 'step',
      'runledger.step.name': 'load',
      [ATTR_PIPELINE_NAME]: 'nightly-orders',
      'runledger.run.id': 'run-1',
    };
    provider.getTracer('runledger').startSpan('step load', { attributes }, ROOT_CONTEXT).end();

    expect(exporter.records).toEqual([
      expect.objectContaining({
        kind: 'step',
        name: 'load',
        pipeline: 'nightly-orders',
        runId: 'run-1',
        outcome: 'success',
        flags: ['start_missing'],
      }),
    ]);
  });

  it('put the oldest off a full list, and record them all the same with what they failed at', () => {
    const ledger = new TracedLedger({ maxLiveExecutions: 2 });
    const [oldest, middle, newest] = [
      ledger.pipeline('oldest'),
      ledger.pipeline('middle'),
      ledger.pipeline('newest'),
    ];

    expect(ledger.processor.liveExecutions().map(({ name }) => name)).toEqual(['middle', 'newest']);
    const error = new Error('boom');
    oldest.step('load').fail(error);
    oldest.fail(error);
    for (const run of [middle, newest]) run.end();
    expect(ledger.recordOf('oldest')).toMatchObject({
      outcome: 'failure',
      failedStep: 'load',
      failedCount: 1,
    });
    expect(ledger.records.map(({ flags }) => flags)).toEqual([undefined, undefined, undefined, undefined]);
    expect(ledger.processor.liveExecutions()).toEqual([]);
  });

  it('are ten thousand, where nobody says how many', () => {
    const ledger = new TracedLedger();
    const first = ledger.pipeline('first');
    for (let index = 0; index < 10_000; index++) ledger.step('forgotten');
    expect(ledger.processor.liveExecutions()).toHaveLength(10_000);
    expect(ledger.processor.liveExecutions(1)).toMatchObject([{ name: 'forgotten' }]);
    first.end();
    expect(ledger.recordOf('first')).toMatchObject({ outcome: 'success' });
    expect(ledger.recordOf('first').flags).toBeUndefined();
  });

  it('are counted by kind and pipeline, and so are evictions', async () => {
    const ledger = new TracedLedger({ maxLiveExecutions: 3 });
    const metrics = new InMemoryMetricExporter(AggregationTemporality.CUMULATIVE);
    const reader = new PeriodicExportingMetricReader({ exporter: metrics, exportIntervalMillis: 3_600_000 });
    const meters = new MeterProvider({ readers: [reader] });
    ledger.processor.registerLiveMetrics(meters.getMeter('runledger'));
    ledger.pipeline('evicted');
    const run = ledger.pipeline();
    run.step('a');
    run.step('b');
    await meters.forceFlush();
    await meters.shutdown();

    const points = new Map(
      metrics
        .getMetrics()
        .flatMap(({ scopeMetrics }) => scopeMetrics)
        .flatMap(({ metrics: found }) => found)
        .map(({ descriptor, dataPoints }) => [
          descriptor.name,
          dataPoints.map(({ attributes, value }) => ({ attributes, value })),
        ]),
    );
    expect(points.get(METRIC_EXECUTION_ACTIVE)).toEqual([
      { attributes: { [ATTR_KIND]: 'pipeline', [ATTR_PIPELINE_NAME]: 'nightly-orders' }, value: 1 },
      { attributes: { [ATTR_KIND]: 'step', [ATTR_PIPELINE_NAME]: 'nightly-orders' }, value: 2 },
    ]);
    expect(points.get(METRIC_EXECUTIONS_EVICTED)).toEqual([{ attributes: {}, value: 1 }]);
  });

  it('do not grow with executions and foreign spans that never end', async () => {
    const { stdout } = await runNode('processor/fixtures/never-ended.ts', [], {
      NODE_OPTIONS: '--max-old-space-size=128',
    });
    const { growthMiB, live } = JSON.parse(stdout) as { growthMiB: number; live: number };

    expect(live).toBeLessThanOrEqual(10_000);
    expect(growthMiB).toBeLessThan(40);
  });

  it('do not keep a chain of steps that each start after the one before has ended', async () => {
    const { stdout } = await runNode('processor/fixtures/chained.ts');
    const { growthMiB } = JSON.parse(stdout) as { growthMiB: number };

    expect(growthMiB).toBeLessThan(10);
  });

  it('refuses a bound that can not work', () => {
    expect(() => new TracedLedger({ maxLiveExecutions: 0 })).toThrow(
      'maxLiveExecutions must be a whole number from 1, not 0',
    );
  });
});
