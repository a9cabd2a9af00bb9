import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { metrics, trace } from '@opentelemetry/api';
import {
  AggregationTemporality,
  InMemoryMetricExporter,
  MeterProvider,
  PeriodicExportingMetricReader,
} from '@opentelemetry/sdk-metrics';
import { AlwaysOffSampler } from '@opentelemetry/sdk-trace';
import { PipelineInstrumentation } from '../../src/instrumentation/pipeline-instrumentation.ts';
import { runPipeline, runStep } from '../../src/lifecycle/run-pipeline.ts';
import { DURATION_BUCKETS } from '../../src/semconv.ts';
import { Telemetry } from '../support/telemetry.ts';

const DURATION = 'runledger.execution.duration';

let telemetry: Telemetry;
beforeEach(() => {
  telemetry = new Telemetry();
});
afterEach(() => telemetry.stop());

function failing(run: () => unknown): void {
  expect(run).toThrow();
}

describe('the duration of executions', () => {
  it('is counted once each, by pipeline, name, outcome and error type', async () => {
    failing(() =>
      runPipeline('nightly', (run) => {
        run.step('load', () => undefined);
        run.step('load', () => undefined);
        run.step('publish', () => {
          throw new TypeError('boom');
        });
      }),
    );

    const points = await telemetry.histogram(DURATION);
    expect(points.map((point) => [point.attributes, point.value.count])).toEqual([
      [
        {
          'runledger.kind': 'step',
          'runledger.pipeline.name': 'nightly',
          'runledger.name': 'load',
          'runledger.outcome': 'success',
        },
        2,
      ],
      [
        {
          'runledger.kind': 'step',
          'runledger.pipeline.name': 'nightly',
          'runledger.name': 'publish',
          'runledger.outcome': 'failure',
          'error.type': 'TypeError',
        },
        1,
      ],
      [
        {
          'runledger.kind': 'pipeline',
          'runledger.pipeline.name': 'nightly',
          'runledger.name': 'nightly',
          'runledger.outcome': 'failure',
          'error.type': 'TypeError',
        },
        1,
      ],
    ]);
    expect(points[0]?.value.buckets.boundaries).toEqual(DURATION_BUCKETS);
  });

  it('is counted when nothing is sampled', async () => {
    telemetry.stop();
    telemetry = new Telemetry({ sampler: new AlwaysOffSampler() });
    runPipeline('nightly', (run) => run.step('load', () => undefined));
    expect(telemetry.spans).toEqual([]);
    expect(await telemetry.points(DURATION)).toHaveLength(2);
  });

  it('is counted when the SDK is registered after the first execution', async () => {
    telemetry.stop();
    runStep('early', () => undefined);
    telemetry = new Telemetry();
    runStep('load', () => undefined);
    const points = await telemetry.points(DURATION);
    expect(points.map((point) => point.attributes['runledger.name'])).toEqual(['load']);
    expect(telemetry.spans.map((span) => span.name)).toEqual(['step load']);
  });

  it('has a bounded number of series, whatever names and errors are made up', async () => {
    const instrumentation = new PipelineInstrumentation({ maxNames: 3 });
    for (let index = 0; index < 50; index++) {
      runStep(`load ${index}`, () => undefined);
      failing(() =>
        runStep('same', () => {
          throw Object.assign(new Error('boom'), { name: `Error${index}` });
        }),
      );
    }
    instrumentation.disable();

    const points = await telemetry.histogram(DURATION);
    const names = new Set(points.map((point) => point.attributes['runledger.name']));
    const types = new Set(points.map((point) => point.attributes['error.type']));
    expect([...names].sort()).toEqual(['_other', 'load 0', 'load 1', 'same']);
    expect([...types].sort()).toEqual(['Error0', 'Error1', 'Error2', '_OTHER', undefined]);
    expect(points.reduce((sum, point) => sum + point.value.count, 0)).toBe(100);
  });

  it('has the edges of the SLO among its buckets', async () => {
    const instrumentation = new PipelineInstrumentation({ slo: [0.3, 60] });
    runStep('load', () => undefined);
    instrumentation.disable();
    const [point] = await telemetry.histogram(DURATION);
    expect(point?.value.buckets.boundaries).toEqual([...DURATION_BUCKETS, 0.3].sort((a, b) => a - b));
  });
});

describe('metrics of runs', () => {
  it('say how long work waited and when a pipeline last succeeded', async () => {
    const before = Date.now() / 1_000;
    runPipeline('nightly', { waitMs: 1_500 }, () => undefined);
    failing(() =>
      runPipeline('hourly', { scheduledFor: new Date(Date.now() - 2_000) }, () => {
        throw new Error('boom');
      }),
    );

    const waits = await telemetry.histogram('runledger.run.wait');
    expect(waits[0]?.value.sum).toBe(1.5);
    expect(waits[1]?.value.sum).toBeGreaterThanOrEqual(2);
    const successes = await telemetry.points('runledger.run.last_success');
    expect(successes.map((point) => point.attributes)).toEqual([{ 'runledger.pipeline.name': 'nightly' }]);
    expect(successes[0]?.value).toBeGreaterThanOrEqual(before);
  });

  it('add up what the work cost', async () => {
    runPipeline('nightly', (run) => {
      run.step('summarise', (step) => {
        step.add({ costUsd: 0.5, tokensIn: 100, tokensOut: 20, tokensCacheRead: 7 });
        step.add({ costUsd: 0.25, tokensIn: -5 });
      });
    });

    const [cost] = await telemetry.points('runledger.cost.usd');
    expect(cost?.value).toBe(0.75);
    const tokens = await telemetry.points('runledger.cost.tokens');
    expect(tokens.map((point) => [point.attributes['gen_ai.token.type'], point.value])).toEqual([
      ['input', 100],
      ['output', 20],
      ['cache_read', 7],
    ]);
  });

  it('count attempts after the first', async () => {
    runStep('load', { attempt: 1 }, () => undefined);
    runStep('load', { attempt: 2 }, () => undefined);
    const [retries] = await telemetry.points('runledger.retries');
    expect(retries?.value).toBe(1);
  });

  it('have the names of the CI/CD conventions too where these are asked for', async () => {
    const instrumentation = new PipelineInstrumentation({ semconv: ['cicd'] });
    failing(() =>
      runPipeline('nightly', { runId: 'r1' }, (run) =>
        run.step('load', () => {
          throw new TypeError('boom');
        }),
      ),
    );
    runPipeline('nightly', (run) => run.reject({ reason: 'policy' }));
    instrumentation.disable();

    expect(telemetry.spansNamed('pipeline nightly')[0]?.attributes).toMatchObject({
      'cicd.pipeline.name': 'nightly',
      'cicd.pipeline.run.id': 'r1',
      'cicd.pipeline.result': 'failure',
    });
    expect(telemetry.span('step load').attributes).toMatchObject({
      'cicd.pipeline.task.name': 'load',
      'cicd.pipeline.task.run.result': 'failure',
    });
    const durations = await telemetry.histogram('cicd.pipeline.run.duration');
    expect(durations.map((point) => point.attributes)).toEqual([
      {
        'cicd.pipeline.name': 'nightly',
        'cicd.pipeline.run.state': 'executing',
        'cicd.pipeline.result': 'failure',
        'error.type': 'TypeError',
      },
      {
        'cicd.pipeline.name': 'nightly',
        'cicd.pipeline.run.state': 'executing',
        'cicd.pipeline.result': 'skip',
      },
    ]);
    const [active] = await telemetry.points('cicd.pipeline.run.active');
    expect(active?.value).toBe(0);
    const [errors] = await telemetry.points('cicd.pipeline.run.errors');
    expect(errors?.value).toBe(1);
  });

  it('never reach the application when a view throws', () => {
    telemetry.stop();
    metrics.setGlobalMeterProvider(
      new MeterProvider({
        readers: [
          new PeriodicExportingMetricReader({
            exporter: new InMemoryMetricExporter(AggregationTemporality.DELTA),
          }),
        ],
        views: [
          {
            instrumentName: '*',
            attributesProcessors: [
              {
                process: () => {
                  throw new Error('hostile');
                },
              },
            ],
          },
        ],
      }),
    );
    const run = () =>
      runPipeline('nightly', { waitMs: 5, attempt: 2 }, (pipeline) => {
        pipeline.add({ costUsd: 1, tokensIn: 1 });
        pipeline.interrupt('ask');
        pipeline.resume('ask');
        pipeline.reject({ reason: 'policy' });
        return 'done';
      });
    expect(run()).toBe('done');
  });

  it('never reach the application when the meter provider throws', () => {
    telemetry.stop();
    metrics.setGlobalMeterProvider({
      getMeter: () => {
        throw new Error('hostile');
      },
    });
    expect(runStep('load', () => 'done')).toBe('done');
    expect(trace.getActiveSpan()).toBeUndefined();
  });
});
