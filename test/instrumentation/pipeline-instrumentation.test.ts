import { tracingChannel } from 'node:diagnostics_channel';
import { readFileSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { Instrumentation } from '@opentelemetry/instrumentation';
import { InMemorySpanExporter, SimpleSpanProcessor, TracerProvider } from '@opentelemetry/sdk-trace';
import * as listr2 from 'listr2';
import { instrument } from '../../src/instrumentation/engine-hooks.ts';
import type { PipelineInstrumentationConfig } from '../../src/instrumentation/instrumentation-config.ts';
import { PipelineInstrumentation } from '../../src/instrumentation/pipeline-instrumentation.ts';
import { definePipeline, runStep } from '../../src/lifecycle/run-pipeline.ts';
import { Telemetry } from '../support/telemetry.ts';

const { Listr } = listr2;
const step = tracingChannel<unknown, { name: string }>('pipeline.step');

let telemetry: Telemetry;
let instrumentation: PipelineInstrumentation | undefined;
beforeEach(() => {
  telemetry = new Telemetry();
});
afterEach(() => {
  instrumentation?.disable();
  telemetry.stop();
});

function install(config?: PipelineInstrumentationConfig): PipelineInstrumentation {
  instrumentation = new PipelineInstrumentation(config);
  return instrumentation;
}

describe('PipelineInstrumentation', () => {
  it('is an Instrumentation of the SDK, under the name and version of the package', () => {
    const asInstrumentation: Instrumentation<PipelineInstrumentationConfig> = install();
    const { name, version } = JSON.parse(
      readFileSync(new URL('../../package.json', import.meta.url), 'utf8'),
    ) as { name: string; version: string };
    expect(asInstrumentation.instrumentationName).toBe(name);
    expect(asInstrumentation.instrumentationVersion).toBe(version);
    runStep('load', () => undefined);
    expect(telemetry.span('step load').instrumentationScope).toMatchObject({ name, version });
  });

  it('listens to the channels while it is enabled', () => {
    const installed = install();
    expect(installed.getConfig()).toEqual({ enabled: true });
    step.traceSync(() => undefined, { name: 'first' });
    installed.disable();
    installed.disable();
    step.traceSync(() => undefined, { name: 'second' });
    installed.enable();
    installed.enable();
    step.traceSync(() => undefined, { name: 'third' });
    expect(telemetry.spans.map((span) => span.name)).toEqual(['step first', 'step third']);
  });

  it('does nothing until it is enabled where it is told so', () => {
    install({ enabled: false });
    expect(step.start.hasSubscribers).toBe(false);
  });

  it('uses the tracer provider it is given', () => {
    const exporter = new InMemorySpanExporter();
    install().setTracerProvider(
      new TracerProvider({ spanProcessors: [new SimpleSpanProcessor({ exporter })] }),
    );
    runStep('load', () => undefined);
    expect(exporter.getFinishedSpans().map((span) => span.name)).toEqual(['step load']);
    expect(telemetry.spans).toEqual([]);
  });

  it('lets classifyError decide, and survives it', () => {
    class NotFound extends Error {}
    const error = new NotFound('no such day');
    install({
      classifyError: (thrown) => {
        if (!(thrown instanceof NotFound)) throw new Error('hostile');
        return 'skip';
      },
    });
    const throwing = (name: string, thrown: unknown) =>
      expect(() =>
        runStep(name, () => {
          throw thrown;
        }),
      ).toThrow(thrown as Error);
    throwing('a', error);
    throwing('b', new TypeError('boom'));
    expect(telemetry.span('step a').attributes).toMatchObject({
      'runledger.outcome': 'skip',
      'runledger.skip.reason': 'no such day',
    });
    expect(telemetry.span('step b').attributes['runledger.outcome']).toBe('failure');
  });

  it('captures inputs and outputs only where that is asked for, in bounds', () => {
    const load = definePipeline('load', {}, (run, input: unknown) => {
      run.add({ output: { rows: 2 } });
      return input;
    });
    const day = { day: 'monday' };
    load(day);
    install({ captureInput: 'hash' });
    load(day);
    instrumentation?.setConfig({ captureInput: true });
    load(day);
    load('x'.repeat(100_000));
    load({ n: 1n });

    const [off, hash, on, cut, odd] = telemetry.spansNamed('pipeline load').map((span) => span.attributes);
    const captured = ['runledger.input', 'runledger.input.hash', 'runledger.output'];
    const keys = (attributes: object | undefined) => captured.filter((key) => key in (attributes ?? {}));
    expect(keys(off)).toEqual([]);
    expect(keys(hash)).toEqual(['runledger.input.hash']);
    expect(on).toMatchObject({
      'runledger.input': '{"day":"monday"}',
      'runledger.input.hash': hash?.['runledger.input.hash'],
      'runledger.output': '{"rows":2}',
    });
    const stub = JSON.parse(String(cut?.['runledger.input'])) as { truncated: boolean; length: number };
    expect([stub.truncated, stub.length]).toEqual([true, 100_002]);
    expect(keys(odd)).toEqual(['runledger.output']);
  });

  it.each<[PipelineInstrumentationConfig | object, string]>([
    [{ slo: [0] }, 'slo must be a list of positive numbers of seconds, got [0]'],
    [{ maxNames: 1.5 }, 'maxNames must be a whole number of at least 1, got 1.5'],
    [{ classifyError: 'skip' }, 'classifyError must be a function, got "skip"'],
    [{ captureInput: 'all' }, 'captureInput must be true, false or \'hash\', got "all"'],
    [{ semconv: ['http'] }, 'semconv must be a list of \'cicd\', got ["http"]'],
    [{ enabled: 1 }, 'enabled must be true or false, got 1'],
    [
      { capture: true },
      'unknown option "capture" of PipelineInstrumentation; there are enabled, slo, maxNames',
    ],
  ])('refuses %j', (config, message) => {
    expect(() => new PipelineInstrumentation(config)).toThrow(message);
    expect(step.start.hasSubscribers).toBe(false);
  });
});

describe('an engine instrumented by hand', () => {
  const list = () => new Listr([{ title: 'Task', task: () => undefined }], { renderer: 'silent' });

  it('is observed unless it is switched off, or the instrumentation is', async () => {
    instrument(listr2);
    await list().run();
    expect(telemetry.spans.map(({ name }) => name)).toEqual(['step Task', 'pipeline Task']);

    const installed = install({ engines: { listr2: { enabled: false } } });
    await list().run();
    expect(telemetry.spans).toHaveLength(2);

    installed.setConfig({ engines: { listr2: { name: () => 'release' } } });
    await list().run();
    expect(telemetry.spans.at(-1)?.name).toBe('pipeline release');
  });

  it('is named by its titles where the name given throws', async () => {
    const name = () => {
      throw new Error('no name');
    };
    install({ engines: { listr2: { name } } });
    await list().run();
    expect(telemetry.spans.at(-1)?.name).toBe('pipeline Task');
  });

  it('makes a process of the task that has a list of its own', async () => {
    const kinds = () => telemetry.spans.map(({ name, attributes }) => [name, attributes['runledger.kind']]);
    const nested = new Listr(
      [{ title: 'Build', task: (_, task) => task.newListr([{ title: 'Link', task: () => undefined }]) }],
      { renderer: 'silent' },
    );
    await nested.run();
    expect(kinds()).toEqual([
      ['step Link', 'step'],
      ['process Build', 'process'],
      ['pipeline Build', 'pipeline'],
    ]);
  });
});
