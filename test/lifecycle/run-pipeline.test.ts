import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { context, SpanStatusCode, trace } from '@opentelemetry/api';
import { currentExecution } from '../../src/lifecycle/current-execution.ts';
import type { Execution } from '../../src/lifecycle/execution-handle.ts';
import {
  definePipeline,
  runPipeline,
  runProcess,
  runStep,
  startPipeline,
} from '../../src/lifecycle/run-pipeline.ts';
import { Telemetry } from '../support/telemetry.ts';

let telemetry: Telemetry;
beforeEach(() => {
  telemetry = new Telemetry();
});
afterEach(() => telemetry.stop());

describe('spans of a run', () => {
  it('nest as the executions do', async () => {
    await runPipeline('nightly', async (run) => {
      await run.process('extract', (process) => process.step('download', async () => 1));
      await run.step('load', async () => 2);
    });

    const pipeline = telemetry.span('pipeline nightly');
    const process = telemetry.span('process extract');
    expect(pipeline.parentSpanContext).toBeUndefined();
    expect(process.parentSpanContext?.spanId).toBe(pipeline.spanContext().spanId);
    expect(telemetry.span('step download').parentSpanContext?.spanId).toBe(process.spanContext().spanId);
    expect(telemetry.span('step load').parentSpanContext?.spanId).toBe(pipeline.spanContext().spanId);
  });

  it('say who they are on the first execution, and only kind and name below a live parent', () => {
    const runId = runPipeline('nightly', { correlationId: 'orders', tenant: 'acme' }, (run) => {
      run.step('load', () => undefined);
      return run.runId;
    });

    expect(telemetry.span('pipeline nightly').attributes).toEqual({
      'runledger.kind': 'pipeline',
      'runledger.pipeline.name': 'nightly',
      'runledger.run.id': runId,
      'runledger.correlation.id': 'orders',
      'runledger.tenant': 'acme',
    });
    expect(telemetry.span('step load').attributes).toEqual({
      'runledger.kind': 'step',
      'runledger.step.name': 'load',
    });
  });

  it('have identity at their start already, where samplers and limits can not lose it', () => {
    const handle = startPipeline('nightly', { runId: 'r1', workerId: 'w1', attributes: { team: 'data' } });

    expect(Object.keys((handle.span as unknown as { attributes: object }).attributes)).toEqual([
      'runledger.kind',
      'runledger.pipeline.name',
      'runledger.run.id',
      'runledger.worker.id',
      'team',
    ]);
    handle.end();
  });

  it('of other libraries stay between a step and what is started through them', () => {
    const tracer = trace.getTracer('http');
    runPipeline('nightly', (run) =>
      run.step('load', (step) =>
        tracer.startActiveSpan('GET', (span) => {
          expect(currentExecution()).toBe(step);
          runStep('parse', () => undefined);
          step.step('store', () => undefined);
          span.end();
        }),
      ),
    );

    const get = telemetry.span('GET').spanContext().spanId;
    expect(telemetry.span('GET').parentSpanContext?.spanId).toBe(
      telemetry.span('step load').spanContext().spanId,
    );
    expect(telemetry.span('step parse').parentSpanContext?.spanId).toBe(get);
    expect(telemetry.span('step store').parentSpanContext?.spanId).toBe(get);
  });

  it('identify a child whose parent has ended', () => {
    let late: Execution | undefined;
    runPipeline('nightly', { runId: 'r1', tenant: 'acme' }, (run) => {
      late = run;
    });
    const recordId = late?.recordId;
    late?.step('cleanup', () => undefined);

    expect(telemetry.span('step cleanup').attributes).toMatchObject({
      'runledger.run.id': 'r1',
      'runledger.pipeline.name': 'nightly',
      'runledger.tenant': 'acme',
      'runledger.parent.record.id': recordId,
    });
  });
});

describe('the run id', () => {
  it('is shared by nested pipelines, unless they get their own', () => {
    runPipeline('outer', (outer) => {
      runPipeline('inner', (inner) => {
        expect(inner.kind).toBe('pipeline');
        expect(inner.runId).toBe(outer.runId);
        inner.step('work', (step) => expect(step.pipeline).toBe('inner'));
      });
      runPipeline('other', { runId: 'own' }, (other) => other.step('s', (s) => expect(s.runId).toBe('own')));
    });
    expect.assertions(5);
    expect(telemetry.span('pipeline other').attributes['runledger.run.id']).toBe('own');
  });

  it('is that of the outermost execution where there is no pipeline', () => {
    const ids = runProcess('extract', (process) => [
      process.runId,
      runStep('download', (step) => step.runId),
    ]);

    expect(ids[0]).toBe(ids[1]);
    expect(telemetry.span('process extract').attributes['runledger.run.id']).toBe(ids[0]);
    expect(runStep('alone', (step) => step.runId)).not.toBe(ids[0]);
  });

  it('sorts by time of start', () => {
    const first = runPipeline('a', (run) => run.runId);
    expect(first).toMatch(/^[\da-f]{8}-[\da-f]{4}-7[\da-f]{3}-[89ab][\da-f]{3}-[\da-f]{12}$/);
    expect(Number.parseInt(first.replaceAll('-', '').slice(0, 12), 16)).toBeCloseTo(Date.now(), -4);
  });
});

describe('what the code returns and throws', () => {
  it('returns at once from synchronous code, with the execution ended', () => {
    const value = { rows: 3 };
    expect(runPipeline('nightly', () => value)).toBe(value);
    expect(telemetry.spansNamed('pipeline nightly')).toHaveLength(1);
  });

  it('resolves after the execution ended, also for a promise that is none of Node', async () => {
    const lazy = {
      // biome-ignore lint/suspicious/noThenProperty: a query builder is a thenable
      then: (resolve: (value: string) => void) => resolve('rows'),
    };
    const pending = runStep('query', () => lazy as unknown as Promise<string>);
    await expect(
      pending.then((value) => [value, telemetry.spansNamed('step query').length]),
    ).resolves.toEqual(['rows', 1]);
  });

  it('passes on the very error, through every level, with its stack', async () => {
    const error = new Error('boom');
    const { stack } = error;
    const thrown = await runPipeline('nightly', (run) =>
      run.process('extract', (process) =>
        process.step('download', async () => {
          throw error;
        }),
      ),
    ).catch((caught: unknown) => caught);

    expect(thrown).toBe(error);
    expect(error.stack).toBe(stack);
  });

  it('rejects a parallel group with the error that came first, and ends every span with its own', async () => {
    const first = new Error('first');
    const second = new Error('second');
    const thrown = await runPipeline('nightly', (run) =>
      Promise.all([
        run.step('a', async () => {
          throw first;
        }),
        run.step('b', async () => {
          throw second;
        }),
      ]),
    ).catch((caught: unknown) => caught);

    expect(thrown).toBe(first);
    expect(telemetry.span('pipeline nightly').status).toEqual({
      code: SpanStatusCode.ERROR,
      message: 'first',
    });
    expect(telemetry.span('step a').status.message).toBe('first');
    expect(telemetry.span('step b').status.message).toBe('second');
  });

  it('writes the exception on the step it began in only', () => {
    const error = new Error('boom');
    expect(() =>
      runPipeline('nightly', (run) =>
        run.step('load', () => {
          throw error;
        }),
      ),
    ).toThrow(error);

    expect(telemetry.span('step load').events.map((event) => event.name)).toEqual(['exception']);
    expect(telemetry.span('pipeline nightly').events).toEqual([]);
    expect(telemetry.span('pipeline nightly').attributes['error.type']).toBe('Error');
  });
});

describe('a handle', () => {
  it('is the parent of what is started from it, whatever else is running', () => {
    runPipeline('nightly', (run) =>
      run.step('outer', () => {
        run.step('sibling', () => undefined);
        runStep('child', () => undefined);
      }),
    );
    const parentOf = (name: string) => telemetry.span(name).parentSpanContext?.spanId;
    expect(parentOf('step sibling')).toBe(telemetry.span('pipeline nightly').spanContext().spanId);
    expect(parentOf('step child')).toBe(telemetry.span('step outer').spanContext().spanId);
  });

  it('is ended by its owner, once, and activates nothing by itself', () => {
    const pipeline = startPipeline('nightly');
    const before = trace.getSpan(context.active());
    const step = pipeline.startStep('load');
    expect(trace.getSpan(context.active())).toBe(before);
    step.run(() => {
      expect(currentExecution()).toBe(step);
      trace.getTracer('db').startSpan('SELECT').end();
    });
    step.end();
    step.fail(new Error('too late'));
    pipeline.fail(new Error('boom'));
    pipeline.end();

    expect(telemetry.span('SELECT').parentSpanContext?.spanId).toBe(
      telemetry.span('step load').spanContext().spanId,
    );
    expect(telemetry.span('step load').status.code).toBe(SpanStatusCode.UNSET);
    expect(telemetry.span('pipeline nightly').attributes['runledger.outcome']).toBe('failure');
  });

  it('can be the explicit parent of code that runs elsewhere', () => {
    const pipeline = startPipeline('nightly');
    runStep('load', { parent: pipeline }, (step) => expect(step.runId).toBe(pipeline.runId));
    pipeline.end();

    expect(telemetry.span('step load').parentSpanContext?.spanId).toBe(pipeline.span.spanContext().spanId);
    expect.assertions(2);
  });

  it('adds up the work it is told of', () => {
    runStep('load', (step) => {
      step.add({ rowsIn: 2, costUsd: 0.25, source: ['a', 'b'] });
      step.add({ rowsIn: 3, rowsOut: 5, tokensIn: Number.NaN, attributes: { team: 'data' } });
    });

    expect(telemetry.span('step load').attributes).toMatchObject({
      'runledger.rows.in': 5,
      'runledger.rows.out': 5,
      'runledger.cost.usd': 0.25,
      'runledger.source': ['a', 'b'],
      team: 'data',
    });
    expect(telemetry.span('step load').attributes).not.toHaveProperty('gen_ai.usage.input_tokens');
  });
});

describe('definePipeline', () => {
  it('gives a function that takes the input and runs under name, version and hash', async () => {
    const nightly = definePipeline(
      'nightly',
      { version: '2', definitionHash: 'abc' },
      async (run, day: string) => {
        await run.step('load', async () => undefined);
        return `done ${day}`;
      },
    );

    await expect(nightly('monday', { attempt: 2 })).resolves.toBe('done monday');
    expect(nightly.pipelineName).toBe('nightly');
    expect(telemetry.span('pipeline nightly').attributes).toMatchObject({
      'runledger.pipeline.version': '2',
      'runledger.definition.hash': 'abc',
      'runledger.attempt': 2,
    });
  });
});
