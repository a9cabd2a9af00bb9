import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { context, trace } from '@opentelemetry/api';
import { notesOf } from '../../src/execution.ts';
import { currentExecution } from '../../src/lifecycle/current-execution.ts';
import { PipelineHooks } from '../../src/lifecycle/hooks.ts';
import { runPipeline } from '../../src/lifecycle/run-pipeline.ts';
import { Telemetry } from '../support/telemetry.ts';

let telemetry: Telemetry;
let hooks: PipelineHooks;
beforeEach(() => {
  telemetry = new Telemetry();
  hooks = new PipelineHooks();
});
afterEach(() => telemetry.stop());

describe('hooks', () => {
  it('build the tree from ids alone', () => {
    runPipeline('around', () => {
      hooks.onPipelineStart({ id: 'run-1', name: 'nightly' });
      hooks.onProcessStart({ id: 'p1', name: 'extract', parentId: 'run-1' });
      hooks.onStepStart({ id: 's1', name: 'download', parentId: 'p1', attempt: 2 });
    });
    hooks.onStepEnd({ id: 's1' });
    hooks.onProcessEnd({ id: 'p1' });
    hooks.onPipelineEnd({ id: 'run-1' });

    const pipeline = telemetry.span('pipeline nightly');
    const process = telemetry.span('process extract');
    expect(pipeline.parentSpanContext).toBeUndefined();
    expect(pipeline.attributes['runledger.run.id']).toBe('run-1');
    expect(process.parentSpanContext?.spanId).toBe(pipeline.spanContext().spanId);
    expect(telemetry.span('step download').parentSpanContext?.spanId).toBe(process.spanContext().spanId);
    expect(telemetry.span('step download').attributes).toEqual({
      'runledger.kind': 'step',
      'runledger.step.name': 'download',
      'runledger.attempt': 2,
    });
    expect(hooks.openExecutions).toBe(0);
  });

  it('take the error that was reported before the end', () => {
    const error = new TypeError('boom');
    hooks.onStepStart({ id: 's1', name: 'load' });
    hooks.onStepError({ id: 's1', error });
    hooks.onStepEnd({ id: 's1' });

    const span = telemetry.span('step load');
    expect(span.attributes).toMatchObject({ 'runledger.outcome': 'failure', 'error.type': 'TypeError' });
    expect(notesOf(span)?.error).toBe(error);
  });

  it('take failure without an error as a failure of unknown type', () => {
    hooks.onPipelineStart({ id: 'r', name: 'nightly' });
    hooks.onPipelineEnd({ id: 'r', outcome: 'failure' });
    expect(telemetry.span('pipeline nightly').attributes).toMatchObject({
      'runledger.outcome': 'failure',
      'error.type': '_OTHER',
    });
  });

  it('take an error followed by success as dealt with', () => {
    hooks.onProcessStart({ id: 'p', name: 'extract' });
    hooks.onProcessError({ id: 'p', error: new Error('boom') });
    hooks.onProcessEnd({ id: 'p', outcome: 'success' });

    const span = telemetry.span('process extract');
    expect(span.attributes).not.toHaveProperty('runledger.outcome');
    expect(span.events).toEqual([]);
    expect(notesOf(span)).toBeUndefined();
  });

  it('count an end and an error without a start', () => {
    hooks.onStepEnd({ id: 'nobody' });
    hooks.onStepError({ id: 'nobody', error: new Error('boom') });
    expect(hooks.orphanEnds).toBe(2);
    expect(telemetry.spans).toEqual([]);
  });

  it('tell two executions of one id apart, the later ending first', () => {
    hooks.onStepStart({ id: 's', name: 'first' });
    hooks.onStepStart({ id: 's', name: 'second' });
    hooks.onStepEnd({ id: 's', outcome: 'failure' });
    hooks.onStepEnd({ id: 's' });

    expect(telemetry.spans.map((span) => [span.name, span.attributes['runledger.outcome']])).toEqual([
      ['step second', 'failure'],
      ['step first', undefined],
    ]);
    expect([hooks.orphanEnds, hooks.openExecutions]).toEqual([0, 0]);
  });

  it('keep executions of two kinds with one id apart', () => {
    hooks.onPipelineStart({ id: '1', name: 'nightly' });
    hooks.onStepStart({ id: '1', name: 'load', parentId: '1' });
    hooks.onCheckpoint({ id: '1', kind: 'pipeline', checkpointId: 'c' });
    hooks.onStepEnd({ id: '1' });
    hooks.onPipelineEnd({ id: '1' });
    expect(telemetry.span('pipeline nightly').events.map((event) => event.name)).toEqual([
      'runledger.checkpoint',
    ]);
    expect(telemetry.span('step load').events).toEqual([]);
  });

  it('hold a bounded number of executions, and give the oldest up as error', () => {
    hooks = new PipelineHooks({ maxOpenExecutions: 2 });
    for (const id of ['a', 'b', 'c']) hooks.onStepStart({ id, name: id });

    expect(hooks.evictedExecutions).toBe(1);
    expect(hooks.openExecutions).toBe(2);
    expect(telemetry.span('step a').attributes['runledger.outcome']).toBe('error');
    hooks.onStepEnd({ id: 'a' });
    expect(hooks.orphanEnds).toBe(1);
  });

  it('leave nothing behind after a thousand failing steps', () => {
    for (let index = 0; index < 1_000; index++) {
      hooks.onStepStart({ id: String(index), name: 'load' });
      hooks.onStepError({ id: String(index), error: new Error('boom') });
      hooks.onStepEnd({ id: String(index) });
    }
    expect(hooks.openExecutions).toBe(0);
    expect(telemetry.spans).toHaveLength(1_000);
  });

  it('tell skips and rejections, of what was started and of what never was', () => {
    hooks.onPipelineStart({ id: 'r', name: 'nightly' });
    hooks.onStepStart({ id: 's', name: 'load', parentId: 'r' });
    hooks.onSkip({ id: 's', reason: 'no rows' });
    hooks.onStepEnd({ id: 's', outcome: 'success' });
    hooks.onSkip({ id: 'never', name: 'publish', parentId: 'r', reason: 'filtered' });
    hooks.onReject({
      id: 'x',
      kind: 'pipeline',
      name: 'hourly',
      reason: 'queue_full',
      limit: 10,
      current: 11,
    });
    hooks.onPipelineEnd({ id: 'r' });

    expect(telemetry.span('step load').attributes['runledger.skip.reason']).toBe('no rows');
    expect(telemetry.span('step publish').attributes['runledger.outcome']).toBe('skip');
    expect(telemetry.span('step publish').parentSpanContext?.spanId).toBe(
      telemetry.span('pipeline nightly').spanContext().spanId,
    );
    expect(telemetry.span('pipeline hourly').attributes).toMatchObject({
      'runledger.outcome': 'rejection',
      'runledger.rejection.reason': 'queue_full',
      'runledger.rejection.limit': 10,
    });
  });

  it('tell retries, interrupts and resumes', () => {
    hooks.onPipelineStart({ id: 'r', name: 'nightly' });
    hooks.onRetry({ id: 'r', attempt: 2 });
    hooks.onInterrupt({ id: 'r', interruptId: 'ask', interruptKind: 'approval' });
    hooks.onHeartbeat({ id: 'r' });
    hooks.onResume({ id: 'r', interruptId: 'ask' });
    hooks.onPipelineEnd({ id: 'r' });

    const [suspended, last] = telemetry.spansNamed('pipeline nightly');
    expect(suspended?.events.map((event) => event.name)).toEqual([
      'runledger.retry',
      'runledger.interrupted',
    ]);
    expect(last?.events.map((event) => event.name)).toEqual(['runledger.resumed']);
  });

  it('make an execution active where the runner asks for it', () => {
    hooks.onStepStart({ id: 's', name: 'load' });
    hooks.run('s', () => {
      expect(currentExecution()?.name).toBe('load');
      trace.getTracer('db').startSpan('SELECT').end();
    });
    expect(hooks.run('nobody', () => trace.getSpan(context.active()))).toBeUndefined();
    hooks.onStepEnd({ id: 's' });
    expect(telemetry.span('SELECT').parentSpanContext?.spanId).toBe(
      telemetry.span('step load').spanContext().spanId,
    );
  });

  it('never throw, whatever they are given', () => {
    const call = (name: keyof PipelineHooks) => (hooks[name] as (event: unknown) => void).bind(hooks);
    const hostile = new Proxy({}, { get: () => undefined, has: refuse, ownKeys: refuse });
    const callbacks = Object.getOwnPropertyNames(PipelineHooks.prototype).filter((name) =>
      name.startsWith('on'),
    );
    expect(callbacks).toHaveLength(16);
    for (const name of callbacks) {
      for (const event of [undefined, null, 1, {}, { id: Symbol('x') }, hostile]) {
        expect(() => call(name as keyof PipelineHooks)(event)).not.toThrow();
      }
    }
  });

  it('refuse a bound that is none', () => {
    expect(() => new PipelineHooks({ maxOpenExecutions: 0 })).toThrow(
      'maxOpenExecutions must be a whole number of at least 1, got 0',
    );
  });
});

function refuse(): never {
  throw new Error('hostile');
}
