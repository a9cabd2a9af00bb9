import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { notesOf } from '../../src/execution.ts';
import { type AttemptsOptions, attempts } from '../../src/lifecycle/attempts.ts';
import { runPipeline } from '../../src/lifecycle/run-pipeline.ts';
import { Telemetry } from '../support/telemetry.ts';

let telemetry: Telemetry;
beforeEach(() => {
  telemetry = new Telemetry();
});
afterEach(() => telemetry.stop());

/** Runs a pipeline whose step fails the first `failures` times. */
function retrying(failures: number, maxAttempts = 3): Promise<string | undefined> {
  let calls = 0;
  return runPipeline('nightly', async (run) => {
    let value: string | undefined;
    for await (const attempt of attempts({ maxAttempts, delayMs: (number) => number })) {
      value = await attempt.try(() =>
        run.step('load', attempt, async () => {
          calls++;
          if (calls <= failures) throw new Error(`try ${calls}`);
          return `loaded by try ${calls}`;
        }),
      );
    }
    return value;
  });
}

describe('attempts', () => {
  it('end with the first success, each an execution linked to the one before', async () => {
    await expect(retrying(1)).resolves.toBe('loaded by try 2');

    const [first, second, ...more] = telemetry.spansNamed('step load');
    expect(more).toEqual([]);
    expect(first?.attributes).toMatchObject({ 'runledger.final': false, 'runledger.max_attempts': 3 });
    expect(first?.attributes).not.toHaveProperty('runledger.attempt');
    expect(second?.attributes).toMatchObject({ 'runledger.attempt': 2, 'runledger.final': false });
    expect(second?.links).toMatchObject([
      { context: first?.spanContext(), attributes: { 'runledger.link.kind': 'retry' } },
    ]);
  });

  it('throw the very error of the last one, which is marked final', async () => {
    await expect(retrying(5)).rejects.toThrow('try 3');
    const spans = telemetry.spansNamed('step load');
    expect(spans.map((span) => span.attributes['runledger.final'])).toEqual([false, false, true]);
  });

  it('are told on the execution around them and counted by name', async () => {
    await retrying(2);

    const pipeline = telemetry.span('pipeline nightly');
    expect(pipeline.events.map((event) => [event.name, event.attributes?.['runledger.ref']])).toEqual([
      ['runledger.retry', '2'],
      ['runledger.retry', '3'],
    ]);
    expect(notesOf(pipeline)?.timeline?.map((moment) => moment.kind)).toEqual(['retry', 'retry']);
    const points = await telemetry.points('runledger.retries');
    expect(points.map((point) => [point.attributes['runledger.name'], point.value])).toEqual([['load', 2]]);
  });

  it('are counted for the execution around them where they start none', async () => {
    await runPipeline('nightly', async () => {
      for await (const attempt of attempts({ maxAttempts: 2 })) {
        await attempt.try(() => {
          if (attempt.attempt === 1) throw new Error('boom');
        });
      }
    });
    const [point] = await telemetry.points('runledger.retries');
    expect([point?.attributes['runledger.name'], point?.value]).toEqual(['nightly', 1]);
  });

  it('survive being spread into other options', async () => {
    await runPipeline('nightly', async (run) => {
      for await (const attempt of attempts({ maxAttempts: 2 })) {
        await attempt.try(() =>
          run.step('load', { ...attempt, target: 'orders' }, () => {
            if (!attempt.final) throw new Error('boom');
          }),
        );
      }
    });
    const [, second] = telemetry.spansNamed('step load');
    expect(second?.attributes).toMatchObject({ 'runledger.attempt': 2, 'runledger.target': 'orders' });
    expect(second?.links).toHaveLength(1);
  });

  it('stop at a cancellation', async () => {
    const aborted = new DOMException('stopped', 'AbortError');
    let calls = 0;
    const loop = async (): Promise<void> => {
      for await (const attempt of attempts({ maxAttempts: 5 })) {
        await attempt.try(() => {
          calls++;
          throw aborted;
        });
      }
    };
    await expect(loop()).rejects.toBe(aborted);
    expect(calls).toBe(1);
  });

  it('stop waiting when the signal says so', async () => {
    const controller = new AbortController();
    const reason = new Error('shutting down');
    const loop = async (): Promise<void> => {
      for await (const attempt of attempts({ maxAttempts: 2, delayMs: 60_000, signal: controller.signal })) {
        await attempt.try(() => {
          setImmediate(() => controller.abort(reason));
          throw new Error('boom');
        });
      }
    };
    await expect(loop()).rejects.toBe(reason);
  });

  it('throw the error of the work where the code that judges it throws', async () => {
    const error = new Error('boom');
    const broken = () => {
      throw new Error('broken judge');
    };
    let calls = 0;
    const loop = async (options: Partial<AttemptsOptions>): Promise<void> => {
      for await (const attempt of attempts({ maxAttempts: 2, ...options })) {
        await attempt.try(() => {
          calls++;
          throw error;
        });
      }
    };
    await expect(loop({ retryIf: broken })).rejects.toBe(error);
    expect(calls).toBe(1);
    await expect(loop({ delayMs: broken })).rejects.toBe(error);
    await expect(loop({ delayMs: () => Number.NaN })).rejects.toBe(error);
    expect(calls).toBe(5);
  });

  it('wait as long as a timer can where they are told to wait for longer', async () => {
    jest.useFakeTimers();
    const loop = attempts({ maxAttempts: 2, delayMs: Number.POSITIVE_INFINITY });
    const { value: first } = await loop.next();
    await first?.try(() => {
      throw new Error('boom');
    });
    let isTriedAgain = false;
    const next = loop.next().then(() => {
      isTriedAgain = true;
    });
    await jest.advanceTimersByTimeAsync(2 ** 31 - 2);
    expect(isTriedAgain).toBe(false);
    await jest.advanceTimersByTimeAsync(1);
    await next;
    jest.useRealTimers();
  });

  it('refuse a number of tries that is none', async () => {
    await expect(attempts({ maxAttempts: 0 }).next()).rejects.toThrow(
      'maxAttempts must be a whole number of at least 1, got 0',
    );
  });
});
