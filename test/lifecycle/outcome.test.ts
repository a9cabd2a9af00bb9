import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { SpanStatusCode } from '@opentelemetry/api';
import { notesOf } from '../../src/execution.ts';
import type { Execution } from '../../src/lifecycle/execution-handle.ts';
import { RejectedError, SkipError } from '../../src/lifecycle/outcome.ts';
import { runPipeline, runStep, startPipeline } from '../../src/lifecycle/run-pipeline.ts';
import { Telemetry } from '../support/telemetry.ts';

let telemetry: Telemetry;
beforeEach(() => {
  telemetry = new Telemetry();
});
afterEach(() => telemetry.stop());

/** Runs a step that throws, and returns its span with what the caller caught. */
function spanOfStepThrowing(thrown: unknown) {
  let caught: unknown;
  try {
    runStep('work', () => {
      throw thrown;
    });
  } catch (error) {
    caught = error;
  }
  return { caught, span: telemetry.span('step work') };
}

describe('the outcome of code that throws', () => {
  it('is success without a word where nothing is thrown', () => {
    runStep('work', () => undefined);
    const span = telemetry.span('step work');
    expect(span.status).toEqual({ code: SpanStatusCode.UNSET });
    expect(span.attributes).not.toHaveProperty('runledger.outcome');
    expect(notesOf(span)).toBeUndefined();
  });

  it('is cancellation when the work was aborted', async () => {
    const controller = new AbortController();
    const pending = runStep('work', () => sleep(60_000, undefined, { signal: controller.signal }));
    controller.abort();

    await expect(pending).rejects.toHaveProperty('name', 'AbortError');
    const span = telemetry.span('step work');
    expect(span.attributes['runledger.outcome']).toBe('cancellation');
    expect(span.status.code).toBe(SpanStatusCode.UNSET);
    expect(span.attributes).not.toHaveProperty('error.type');
  });

  it('is timeout when a deadline aborted the work, whether Node reports it bare or as a cause', async () => {
    const { caught, span } = spanOfStepThrowing(new DOMException('too slow', 'TimeoutError'));
    expect(caught).toBeInstanceOf(DOMException);
    expect(span.attributes['runledger.outcome']).toBe('timeout');
    expect(span.attributes['error.type']).toBe('TimeoutError');
    expect(span.status.code).toBe(SpanStatusCode.ERROR);

    const pending = runStep('sleep', () => sleep(60_000, undefined, { signal: AbortSignal.timeout(1) }));
    await expect(pending).rejects.toHaveProperty('name', 'AbortError');
    expect(telemetry.span('step sleep').attributes['runledger.outcome']).toBe('timeout');
  });

  it('is skip for a SkipError, which passes on', () => {
    const error = new SkipError('already loaded');
    const { caught, span } = spanOfStepThrowing(error);
    expect(caught).toBe(error);
    expect(span.attributes).toMatchObject({
      'runledger.outcome': 'skip',
      'runledger.skip.reason': 'already loaded',
    });
    expect(span.status.code).toBe(SpanStatusCode.UNSET);
  });

  it('is rejection for a RejectedError, with its limits', async () => {
    const error = new RejectedError({ reason: 'tenant_limit', detail: '5 runs', limit: 5, current: 6 });
    const { caught, span } = spanOfStepThrowing(error);
    expect(caught).toBe(error);
    expect(span.attributes).toMatchObject({
      'runledger.outcome': 'rejection',
      'runledger.rejection.reason': 'tenant_limit',
      'runledger.rejection.detail': '5 runs',
      'runledger.rejection.limit': 5,
      'runledger.rejection.current': 6,
    });
    expect(span.events.map((event) => event.name)).toEqual(['runledger.rejected']);
    const [point] = await telemetry.points('runledger.rejections');
    expect(point?.value).toBe(1);
    expect(point?.attributes['runledger.reason']).toBe('tenant_limit');
  });
});

describe('what was thrown', () => {
  class LoadError extends Error {}

  it.each([
    ['a string', 'boom', 'string', 'boom'],
    ['null', null, '_OTHER', 'null'],
    ['undefined', undefined, '_OTHER', 'undefined'],
    ['a number', 42, 'number', '42'],
    ['an AggregateError', new AggregateError([new Error('a')], 'all failed'), 'AggregateError', 'all failed'],
    ['an error of a class without a name', new LoadError('bad row'), 'LoadError', 'bad row'],
    ['an error that names itself', Object.assign(new Error('x'), { name: 'PgError' }), 'PgError', 'x'],
    ['an object', { message: 'plain' }, 'Object', 'plain'],
  ])('is described and passed on: %s', (_what, thrown, type, message) => {
    const { caught, span } = spanOfStepThrowing(thrown);

    expect(caught).toBe(thrown);
    expect(span.attributes['error.type']).toBe(type);
    expect(span.status).toEqual({ code: SpanStatusCode.ERROR, message });
    expect(span.events[0]?.attributes).toMatchObject({
      'exception.type': type,
      'exception.message': message,
    });
    expect(notesOf(span)).toHaveProperty('error', thrown);
  });

  it('keeps its class beside its code', () => {
    const { span } = spanOfStepThrowing(Object.assign(new TypeError('refused'), { code: 'ECONNREFUSED' }));
    expect(span.attributes).toMatchObject({
      'error.type': 'TypeError',
      'runledger.error.code': 'ECONNREFUSED',
    });
    expect(span.events[0]?.attributes?.['exception.type']).toBe('TypeError');
  });

  it.each([
    ['an object without a prototype', Object.create(null)],
    [
      'getters that throw',
      Object.defineProperties(
        {},
        {
          name: { get: () => fail() },
          message: { get: () => fail() },
          constructor: { get: () => fail() },
          cause: { get: () => fail() },
        },
      ),
    ],
    [
      'a proxy that refuses everything',
      new Proxy({}, { get: fail, has: fail, getOwnPropertyDescriptor: fail }),
    ],
    ['a revoked proxy', revoked()],
    ['a symbol', Symbol('odd')],
  ])('may be hostile without reaching the caller: %s', (_what, thrown) => {
    const { caught, span } = spanOfStepThrowing(thrown);
    expect(caught === thrown).toBe(true);
    expect(span.attributes['runledger.outcome']).toBe('failure');
    expect(span.attributes['error.type']).toEqual(expect.any(String));
  });

  it('is cut where it is endless', () => {
    const { span } = spanOfStepThrowing(new Error('x'.repeat(1_000_000)));
    expect(span.status.message).toHaveLength(4_096);
  });
});

describe('an outcome the code states', () => {
  const END: readonly (readonly [string, (step: Execution) => void, string])[] = [
    ['skip', (step) => step.skip('no new rows'), 'skip'],
    ['reject', (step) => step.reject({ reason: 'rate_limit' }), 'rejection'],
    ['fail', (step) => step.fail(), 'failure'],
    ['fail with an error', (step) => step.fail(new DOMException('slow', 'TimeoutError')), 'timeout'],
    ['end', (step) => step.end('cancellation'), 'cancellation'],
  ];

  it.each(END)('holds for a function that returns: %s', (_what, say, outcome) => {
    runStep('work', (step) => {
      say(step);
      expect(step.isEnded).toBe(false);
    });
    expect(telemetry.span('step work').attributes['runledger.outcome']).toBe(outcome);
  });

  it.each(END)('ends a handle: %s', (_what, say, outcome) => {
    const pipeline = startPipeline('nightly');
    say(pipeline);
    expect(pipeline.isEnded).toBe(true);
    expect(telemetry.span('pipeline nightly').attributes['runledger.outcome']).toBe(outcome);
  });

  it('gives way to an error thrown afterwards, unless it was a failure itself', () => {
    const error = new Error('boom');
    const throwing = (name: string, say: (step: Execution) => void): void => {
      expect(() =>
        runStep(name, (step) => {
          say(step);
          throw error;
        }),
      ).toThrow(error);
    };
    throwing('skipped', (step) => step.skip('nothing to do'));
    throwing('timed out', (step) => step.end('timeout'));

    expect(telemetry.span('step skipped').attributes['runledger.outcome']).toBe('failure');
    expect(telemetry.span('step timed out').attributes['runledger.outcome']).toBe('timeout');
  });

  it('is a failure of unknown type where it fails without an error', () => {
    runPipeline('nightly', (run) => run.fail());
    const span = telemetry.span('pipeline nightly');
    expect(span.attributes['error.type']).toBe('_OTHER');
    expect(span.status.code).toBe(SpanStatusCode.ERROR);
  });
});

function fail(): never {
  throw new Error('hostile');
}

function revoked(): object {
  const { proxy, revoke } = Proxy.revocable({}, {});
  revoke();
  return proxy;
}
