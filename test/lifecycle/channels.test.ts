import diagnosticsChannel, { tracingChannel } from 'node:diagnostics_channel';
import { setImmediate as turn } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { context, trace } from '@opentelemetry/api';
import { type PipelineMessage, subscribePipelineChannels } from '../../src/lifecycle/channels.ts';
import { currentExecution } from '../../src/lifecycle/current-execution.ts';
import { runPipeline } from '../../src/lifecycle/run-pipeline.ts';
import { Telemetry } from '../support/telemetry.ts';

const run = tracingChannel<unknown, PipelineMessage>('pipeline.run');
const step = tracingChannel<unknown, PipelineMessage>('pipeline.step');
const events = diagnosticsChannel.channel('pipeline.event');

let telemetry: Telemetry;
let unsubscribe: () => void;
beforeEach(() => {
  telemetry = new Telemetry();
  unsubscribe = subscribePipelineChannels();
});
afterEach(() => {
  unsubscribe();
  telemetry.stop();
});

describe('a publisher on the pipeline channels', () => {
  it('gets the tree, with its context active across awaits', async () => {
    await run.tracePromise(
      async () => {
        await turn();
        await Promise.all(
          ['a', 'b'].map((name) =>
            step.tracePromise(
              async () => {
                await turn();
                expect(currentExecution()?.name).toBe(name);
                trace.getTracer('db').startSpan(`SELECT ${name}`).end();
              },
              { engine: 'my-runner', name },
            ),
          ),
        );
      },
      { engine: 'my-runner', name: 'nightly', id: 'job-7' },
    );

    const pipeline = telemetry.span('pipeline nightly');
    expect(pipeline.attributes).toMatchObject({
      'runledger.run.id': 'job-7',
      'runledger.engine': 'my-runner',
    });
    for (const name of ['a', 'b']) {
      const span = telemetry.span(`step ${name}`);
      expect(span.parentSpanContext?.spanId).toBe(pipeline.spanContext().spanId);
      expect(telemetry.span(`SELECT ${name}`).parentSpanContext?.spanId).toBe(span.spanContext().spanId);
    }
    expect(trace.getSpan(context.active())).toBeUndefined();
    expect.assertions(8);
  });

  it('is told of synchronous work, and of its error, at once', () => {
    expect(step.traceSync(() => 5, { name: 'count' })).toBe(5);
    expect(telemetry.spansNamed('step count')).toHaveLength(1);

    const error = new Error('boom');
    const throwing = () =>
      step.traceSync(
        () => {
          throw error;
        },
        { name: 'load' },
      );
    expect(throwing).toThrow(error);
    expect(telemetry.span('step load').attributes['error.type']).toBe('Error');
    expect(trace.getSpan(context.active())).toBeUndefined();
  });

  it('is told of work with a callback when that is called', async () => {
    await new Promise<void>((resolve) => {
      step.traceCallback(
        (callback: (error: Error | null) => void) => void setImmediate(callback, new Error('boom')),
        0,
        { name: 'load' },
        undefined,
        () => resolve(),
      );
      expect(telemetry.spans).toEqual([]);
    });
    expect(telemetry.span('step load').attributes['runledger.outcome']).toBe('failure');
  });

  it('keeps its rejection as it was', async () => {
    const error = new Error('boom');
    const failing = step.tracePromise(() => Promise.reject(error), { name: 'load', attempt: 2 });
    await expect(failing).rejects.toBe(error);
    expect(telemetry.span('step load').attributes).toMatchObject({
      'runledger.attempt': 2,
      'runledger.outcome': 'failure',
    });
  });

  it('states what the work came to', () => {
    const stating = (status: PipelineMessage['status'], reason?: string): void => {
      const message: PipelineMessage = { name: String(status) };
      step.traceSync(() => {
        message.status = status;
        message.reason = reason;
      }, message);
    };
    stating('skipped', 'no rows');
    stating('cancelled');
    stating('rejected', 'rate_limit');
    expect(telemetry.span('step skipped').attributes['runledger.skip.reason']).toBe('no rows');
    expect(telemetry.span('step cancelled').attributes['runledger.outcome']).toBe('cancellation');
    expect(telemetry.span('step rejected').attributes['runledger.rejection.reason']).toBe('rate_limit');
  });

  it('suspends, and goes on under the same id', () => {
    const first: PipelineMessage = { name: 'nightly', id: 'job-7' };
    run.traceSync(() => {
      first.status = 'suspended';
    }, first);
    run.traceSync(() => undefined, { name: 'nightly', id: 'job-7' });

    const [suspended, last] = telemetry.spansNamed('pipeline nightly');
    expect(suspended?.attributes['runledger.state']).toBe('suspended');
    expect(last?.attributes).toMatchObject({ 'runledger.segment': 2, 'runledger.run.id': 'job-7' });
    expect(last?.attributes).not.toHaveProperty('runledger.state');
  });

  it('names a parent by id, and what triggered the work', () => {
    const traceparent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';
    run.traceSync(
      () => {
        context.with(trace.deleteSpan(context.active()), () =>
          step.traceSync(() => undefined, { name: 'load', parentId: 'job-7', links: [traceparent, 'noise'] }),
        );
      },
      { name: 'nightly', id: 'job-7' },
    );
    const span = telemetry.span('step load');
    expect(span.links.map((link) => link.context.spanId)).toEqual(['b7ad6b7169203331']);
    expect(telemetry.span('pipeline nightly').attributes['runledger.run.id']).toBe('job-7');
  });

  it('tells moments of the execution whose code is running', () => {
    runPipeline('nightly', () => {
      events.publish({ type: 'checkpoint', ref: 'c1' });
      events.publish({ type: 'stalled' });
      events.publish({ type: 'rejected', name: 'publish', reason: 'circuit_open' });
    });
    expect(telemetry.span('pipeline nightly').events.map((event) => event.name)).toEqual([
      'runledger.checkpoint',
    ]);
    expect(telemetry.span('step publish').attributes['runledger.rejection.reason']).toBe('circuit_open');
    expect(telemetry.span('step publish').parentSpanContext?.spanId).toBe(
      telemetry.span('pipeline nightly').spanContext().spanId,
    );
  });

  it('may publish what it likes without harm', () => {
    const odd = [undefined, null, 1, 'x', {}, { type: 5 }, { name: 7 }];
    for (const message of odd) expect(() => events.publish(message)).not.toThrow();
    expect(step.traceSync(() => 'done', {} as PipelineMessage)).toBe('done');
    expect(telemetry.spans).toEqual([]);
  });
});

describe('the subscription', () => {
  it('is one, however often it is asked for', () => {
    const again = subscribePipelineChannels();
    step.traceSync(() => undefined, { name: 'load' });
    expect(telemetry.spansNamed('step load')).toHaveLength(1);

    again();
    again();
    expect(step.start.hasSubscribers).toBe(true);
    unsubscribe();
    expect(step.start.hasSubscribers).toBe(false);
    expect(events.hasSubscribers).toBe(false);
  });

  it('makes the context active with a context manager of SDK 2.x, which has no attach', async () => {
    const manager = (context as unknown as { _getContextManager(): object })._getContextManager();
    Object.defineProperty(manager, 'attach', { value: undefined });
    await step.tracePromise(
      async () => {
        await turn();
        expect(currentExecution()?.name).toBe('load');
      },
      { name: 'load' },
    );
    expect(trace.getSpan(context.active())).toBeUndefined();
    expect.assertions(2);
  });
});
