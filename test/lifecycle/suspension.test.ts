import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { trace } from '@opentelemetry/api';
import { notesOf } from '../../src/execution.ts';
import { attachPipeline } from '../../src/lifecycle/detached-execution.ts';
import type { Execution } from '../../src/lifecycle/execution-handle.ts';
import { runPipeline, runStep, startPipeline } from '../../src/lifecycle/run-pipeline.ts';
import { Telemetry } from '../support/telemetry.ts';

const HOUR = 3_600_000;

let telemetry: Telemetry;
beforeEach(() => {
  jest.useFakeTimers({ now: Date.UTC(2026, 10, 20) });
  telemetry = new Telemetry();
});
afterEach(() => {
  telemetry.stop();
  jest.useRealTimers();
});

function lastSegment() {
  const spans = telemetry.spansNamed('pipeline nightly');
  return spans[spans.length - 1];
}

describe('an interrupt', () => {
  it('of one hour is 3,600,000 ms', async () => {
    const pipeline = startPipeline('nightly');
    jest.advanceTimersByTime(1_000);
    pipeline.interrupt('ask', 'approval');
    jest.advanceTimersByTime(HOUR);
    pipeline.resume('ask');
    jest.advanceTimersByTime(2_000);
    pipeline.end();

    expect(lastSegment()?.attributes['runledger.suspended_ms']).toBe(HOUR);
    const [interrupts] = await telemetry.histogram('runledger.interrupt.duration');
    expect(interrupts?.value.sum).toBe(3_600);
    expect(interrupts?.attributes).toEqual({
      'runledger.interrupt.kind': 'approval',
      'runledger.outcome': 'resumed',
    });
    const [duration] = await telemetry.histogram('runledger.execution.duration');
    expect(duration?.value.sum).toBeCloseTo(3, 6);
  });

  it('that overlaps another counts once, in whatever order they are resumed', () => {
    const pipeline = startPipeline('nightly');
    pipeline.interrupt('a');
    jest.advanceTimersByTime(50);
    pipeline.interrupt('b');
    jest.advanceTimersByTime(900);
    pipeline.resume('a');
    expect(pipeline.isRunning).toBe(false);
    jest.advanceTimersByTime(50);
    pipeline.resume('b');
    expect(pipeline.isRunning).toBe(true);
    pipeline.end();

    expect(lastSegment()?.attributes).toMatchObject({
      'runledger.suspended_ms': 1_000,
      'runledger.interrupt.count': 2,
    });
  });

  it('of the same id is resumed from the newest', async () => {
    const pipeline = startPipeline('nightly');
    pipeline.interrupt('ask', 'outer');
    jest.advanceTimersByTime(1_000);
    pipeline.interrupt('ask', 'inner');
    jest.advanceTimersByTime(1_000);
    pipeline.resume('ask');
    pipeline.resume('ask');
    pipeline.resume('ask');
    pipeline.end();

    const points = await telemetry.histogram('runledger.interrupt.duration');
    const seconds = points.map((point) => [point.attributes['runledger.interrupt.kind'], point.value.sum]);
    expect(seconds).toEqual([
      ['inner', 1],
      ['outer', 2],
    ]);
  });

  it('that nobody resumes counts up to the end', async () => {
    const pipeline = startPipeline('nightly');
    pipeline.interrupt('ask', 'approval');
    jest.advanceTimersByTime(HOUR);
    pipeline.end('timeout');

    expect(lastSegment()?.attributes).toMatchObject({
      'runledger.suspended_ms': HOUR,
      'runledger.outcome': 'timeout',
      'runledger.segment': 2,
    });
    const [interrupts] = await telemetry.histogram('runledger.interrupt.duration');
    expect(interrupts?.attributes['runledger.outcome']).toBe('expired');
  });

  it('ends the span as suspended, and a linked one of the same execution goes on', () => {
    const outer = startPipeline('outer', { runId: 'r1', tenant: 'acme' });
    const pipeline = outer.startProcess('review', { version: '7' });
    const { recordId } = pipeline;
    pipeline.add({ rowsIn: 1 });
    pipeline.interrupt('ask');
    jest.advanceTimersByTime(1_000);
    pipeline.resume('ask');
    pipeline.add({ rowsIn: 2 });
    pipeline.end();
    outer.end();

    const [first, second] = telemetry.spansNamed('process review');
    expect(first?.attributes).toMatchObject({
      'runledger.state': 'suspended',
      'runledger.rows.in': 1,
      'runledger.suspended_ms': 0,
      'runledger.interrupt.count': 1,
    });
    expect(second?.attributes).toMatchObject({
      'runledger.kind': 'process',
      'runledger.process.name': 'review',
      'runledger.pipeline.name': 'outer',
      'runledger.pipeline.version': '7',
      'runledger.run.id': 'r1',
      'runledger.tenant': 'acme',
      'runledger.record.id': recordId,
      'runledger.segment': 2,
      'runledger.started_at': Date.UTC(2026, 10, 20),
      'runledger.rows.in': 3,
    });
    expect(second?.attributes).not.toHaveProperty('runledger.state');
    expect(second?.parentSpanContext?.spanId).toBe(outer.span.spanContext().spanId);
    expect(second?.links).toMatchObject([
      { context: first?.spanContext(), attributes: { 'runledger.link.kind': 'resume' } },
    ]);
  });

  it('leaves code that was active before it under the span that goes on', () => {
    runPipeline('nightly', (run) => {
      const client = trace.getTracer('http').startSpan('GET');
      run.interrupt('ask');
      run.resume('ask');
      runStep('load', () => undefined);
      trace.getTracer('db').startSpan('SELECT').end();
      client.end();
    });
    const goesOn = lastSegment()?.spanContext().spanId;
    expect(telemetry.span('step load').parentSpanContext?.spanId).toBe(goesOn);
    expect(telemetry.span('SELECT').parentSpanContext?.spanId).toBe(goesOn);
  });

  it('makes children that start meanwhile say whose they are', () => {
    const pipeline = startPipeline('nightly', { runId: 'r1' });
    pipeline.interrupt('ask');
    pipeline.step('remind', () => undefined);
    pipeline.resume('ask');
    pipeline.end();

    expect(telemetry.span('step remind').attributes).toMatchObject({
      'runledger.run.id': 'r1',
      'runledger.parent.record.id': pipeline.recordId,
    });
  });
});

describe('the timeline', () => {
  it('keeps the moments in order, across segments', () => {
    const pipeline = startPipeline('nightly');
    pipeline.checkpoint('c1');
    pipeline.heartbeat();
    jest.advanceTimersByTime(10);
    pipeline.heartbeat();
    pipeline.interrupt('ask');
    pipeline.resume('ask');
    pipeline.checkpoint('c2');
    pipeline.end();

    const span = lastSegment();
    const notes = notesOf(span as object);
    expect(notes?.timeline?.map(({ kind, ref }) => [kind, ref])).toEqual([
      ['checkpoint', 'c1'],
      ['heartbeat', undefined],
      ['interrupt', 'ask'],
      ['resume', 'ask'],
      ['checkpoint', 'c2'],
    ]);
    expect(notes?.timeline?.[1]?.at).toBe(Date.UTC(2026, 10, 20) + 10);
    expect(span?.attributes['runledger.checkpoint.count']).toBe(2);
  });

  it('is bounded, keeps its ends, and counts the rest', () => {
    runPipeline('nightly', (run) => {
      for (let index = 0; index < 1_000; index++) run.checkpoint(String(index));
    });

    const notes = notesOf(telemetry.span('pipeline nightly'));
    const refs = notes?.timeline?.map((moment) => Number(moment.ref)) ?? [];
    expect(refs).toHaveLength(200);
    expect(refs.slice(0, 150)).toEqual(Array.from({ length: 150 }, (_, index) => index));
    expect(refs.slice(150)).toEqual(Array.from({ length: 50 }, (_, index) => 950 + index));
    expect(notes?.timelineTotal).toBe(1_000);
  });

  it('is there for a run that failed', () => {
    expect(() =>
      runPipeline('nightly', (run) => {
        run.checkpoint('c1');
        throw new Error('boom');
      }),
    ).toThrow('boom');
    expect(notesOf(telemetry.span('pipeline nightly'))).toMatchObject({
      error: new Error('boom'),
      timeline: [{ kind: 'checkpoint', ref: 'c1' }],
    });
  });
});

describe('a detached execution', () => {
  function detached(prepare: (pipeline: Execution) => void = () => undefined) {
    const pipeline = startPipeline('nightly', {
      runId: 'r1',
      attempt: 3,
      correlationId: 'orders',
      tenant: 'acme',
    });
    pipeline.add({ rowsIn: 4 });
    prepare(pipeline);
    return { pipeline, recordId: pipeline.recordId, token: pipeline.detach() };
  }

  it('goes on from its token as the same execution, the time in between suspended', () => {
    const { recordId, token } = detached();
    expect(JSON.parse(token)).toMatchObject({ runId: 'r1', name: 'nightly' });
    jest.advanceTimersByTime(HOUR);
    const attached = attachPipeline(token);
    attached.step('load', (step) => expect(step.runId).toBe('r1'));
    attached.end();

    const [first, second] = telemetry.spansNamed('pipeline nightly');
    expect(first?.attributes['runledger.state']).toBe('suspended');
    expect(attached.recordId).toBe(recordId);
    expect(second?.attributes).toMatchObject({
      'runledger.run.id': 'r1',
      'runledger.attempt': 3,
      'runledger.correlation.id': 'orders',
      'runledger.tenant': 'acme',
      'runledger.record.id': recordId,
      'runledger.segment': 2,
      'runledger.suspended_ms': HOUR,
      'runledger.interrupt.count': 0,
      'runledger.started_at': Date.UTC(2026, 10, 20),
      'runledger.rows.in': 4,
    });
    expect(second?.links[0]?.context).toMatchObject({ spanId: first?.spanContext().spanId });
    expect(notesOf(second as object)?.timeline?.map((moment) => moment.kind)).toEqual(['detach', 'attach']);
    expect.assertions(7);
  });

  it('stays suspended where an interrupt was open, until that is resumed', () => {
    const { token } = detached((pipeline) => pipeline.interrupt('ask', 'approval'));
    jest.advanceTimersByTime(HOUR);
    const attached = attachPipeline(token);
    expect(attached.isRunning).toBe(false);
    jest.advanceTimersByTime(HOUR);
    attached.resume('ask');
    attached.end();

    expect(lastSegment()?.attributes).toMatchObject({
      'runledger.suspended_ms': 2 * HOUR,
      'runledger.interrupt.count': 1,
    });
  });

  it('can be detached again', () => {
    const { token, recordId } = detached();
    const attached = attachPipeline(attachPipeline(token).detach());
    attached.end();
    expect(lastSegment()?.attributes).toMatchObject({
      'runledger.segment': 3,
      'runledger.record.id': recordId,
      'runledger.rows.in': 4,
    });
  });

  it('is out of the hands of the process that let go', () => {
    const { pipeline } = detached();
    pipeline.fail(new Error('too late'));
    expect(telemetry.spansNamed('pipeline nightly')).toHaveLength(1);
  });

  it.each(['', 'no json', '{}', '{"v":2}', '[]', '{"v":1,"kind":"pipeline","name":"x"}'])(
    'is a new run where the token is none: %p',
    (token) => {
      const attached = attachPipeline(token);
      attached.end();
      expect(attached.kind).toBe('pipeline');
      expect(telemetry.spans).toHaveLength(1);
      expect(telemetry.spans[0]?.attributes).not.toHaveProperty('runledger.segment');
    },
  );
});
