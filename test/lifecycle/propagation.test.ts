import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { context, propagation, ROOT_CONTEXT, trace } from '@opentelemetry/api';
import { CompositePropagator, W3CBaggagePropagator, W3CTraceContextPropagator } from '@opentelemetry/core';
import { extractExecution, injectExecution } from '../../src/lifecycle/propagation.ts';
import { runPipeline, runStep, startPipeline } from '../../src/lifecycle/run-pipeline.ts';
import { Telemetry } from '../support/telemetry.ts';

let telemetry: Telemetry;
beforeEach(() => {
  telemetry = new Telemetry();
});
afterEach(() => telemetry.stop());

type Carrier = Record<string, string>;

/** Hands a run over, as from another process. */
function handedOver(): { carrier: Carrier; recordId: string | undefined; spanId: string } {
  const carrier: Carrier = {};
  const pipeline = startPipeline('nightly, große', {
    runId: 'r1',
    correlationId: 'orders=1;a',
    tenant: 'acme',
    attempt: 2,
  });
  injectExecution(carrier, { execution: pipeline });
  const handed = { carrier, recordId: pipeline.recordId, spanId: pipeline.span.spanContext().spanId };
  pipeline.end();
  return handed;
}

describe.each([
  ['without a propagator registered', false],
  ['with the W3C propagators registered', true],
])('a run handed over %s', (_what, isRegistered) => {
  beforeEach(() => {
    if (!isRegistered) return;
    propagation.setGlobalPropagator(
      new CompositePropagator({ propagators: [new W3CTraceContextPropagator(), new W3CBaggagePropagator()] }),
    );
  });

  it('is joined by what starts in the extracted context', () => {
    const { carrier, recordId, spanId } = handedOver();
    expect(Object.keys(carrier).sort()).toEqual(['baggage', 'traceparent']);

    context.with(extractExecution(carrier), () => runStep('load', (step) => expect(step.runId).toBe('r1')));

    const step = telemetry.span('step load');
    expect(step.parentSpanContext).toMatchObject({ spanId, isRemote: true });
    expect(step.attributes).toEqual({
      'runledger.kind': 'step',
      'runledger.step.name': 'load',
      'runledger.run.id': 'r1',
      'runledger.pipeline.name': 'nightly, große',
      'runledger.correlation.id': 'orders=1;a',
      'runledger.tenant': 'acme',
      'runledger.parent.record.id': recordId,
    });
    expect.assertions(4);
  });

  it('is joined through an explicit parent, also from inside another run', () => {
    const { carrier } = handedOver();
    runPipeline('consumer', (consumer) => {
      runStep('load', { parent: extractExecution(carrier) }, (step) => {
        expect(step.runId).toBe('r1');
        expect(step.runId).not.toBe(consumer.runId);
      });
    });
    expect.assertions(2);
  });

  it('keeps its attempt where the same pipeline goes on', () => {
    const { carrier } = handedOver();
    const parent = extractExecution(carrier);
    runPipeline('nightly, große', { parent }, (run) => expect(run.attempt).toBe(2));
    runPipeline('other', { parent }, (run) => expect(run.attempt).toBe(1));
    expect.assertions(2);
  });

  it('takes the baggage of the application along', () => {
    const carrier: Carrier = {};
    const baggage = propagation.createBaggage({ shop: { value: 'Köln, 1' } });
    context.with(propagation.setBaggage(ROOT_CONTEXT, baggage), () =>
      runPipeline('nightly', () => injectExecution(carrier)),
    );
    expect(propagation.getBaggage(extractExecution(carrier))?.getEntry('shop')?.value).toBe('Köln, 1');
  });
});

describe('a carrier that holds no run', () => {
  it.each<[string, Carrier]>([
    ['nothing', {}],
    ['a traceparent of zeros', { traceparent: `00-${'0'.repeat(32)}-${'0'.repeat(16)}-01` }],
    ['noise', { traceparent: 'x', baggage: '%%%,=,;;,a' }],
    ['an endless baggage', { baggage: `runledger.run.id=${'x'.repeat(10_000)}` }],
    ['a run id too long', { baggage: `runledger.run.id=${'x'.repeat(300)}` }],
    ['control characters', { baggage: 'runledger.run.id=a%0Ab' }],
    ['an empty run id', { baggage: 'runledger.run.id=' }],
  ])('starts a new one: %s', (_what, carrier) => {
    runPipeline('consumer', (consumer) => {
      runPipeline('nightly', { parent: extractExecution(carrier) }, (run) => {
        expect(run.runId).toMatch(/^[\da-f-]{36}$/);
        expect(run.runId).not.toBe(consumer.runId);
      });
    });
    expect.assertions(2);
  });

  it('still gives its trace to the new run', () => {
    const traceparent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';
    runPipeline('nightly', { parent: extractExecution({ traceparent }) }, () => undefined);
    expect(telemetry.span('pipeline nightly').spanContext().traceId).toBe('0af7651916cd43dd8448eb211c80319c');
  });

  it('is none of the application when it can not be read or written', () => {
    const hostile = new Proxy({}, { get: refuse, set: refuse, ownKeys: refuse });
    expect(() => runPipeline('nightly', () => injectExecution(hostile))).not.toThrow();
    expect(trace.getSpan(extractExecution(hostile))).toBeUndefined();
  });
});

function refuse(): never {
  throw new Error('hostile');
}
