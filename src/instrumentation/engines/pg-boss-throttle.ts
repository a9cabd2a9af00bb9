import { context } from '@opentelemetry/api';
import { neverThrow } from '../../lifecycle/never-throw.ts';
import type { EngineLifecycle } from '../engine-lifecycle.ts';

/** The options of `send` that are read. */
interface SendOptions {
  /** One job is taken in so many seconds. */
  readonly singletonSeconds?: unknown;
  /** One that is too many is taken for the seconds after. */
  readonly singletonNextSlot?: unknown;
}

interface SentJob {
  readonly name?: unknown;
  readonly options?: SendOptions;
}

/** A limit that a job is sent under. */
interface Throttle {
  readonly queue: string;
  readonly seconds: unknown;
}

/** The limit in arguments of `send`; undefined where the job is not throttled. */
export function throttleOfSend([first, , options]: readonly unknown[]): Throttle | undefined {
  const { name, options: limits }: SentJob =
    typeof first === 'string' ? { name: first, options: options as SendOptions } : ((first ?? {}) as SentJob);
  const { singletonSeconds: seconds, singletonNextSlot } = limits ?? {};
  return typeof name === 'string' && typeof seconds === 'number' && seconds > 0 && singletonNextSlot !== true
    ? { queue: name, seconds }
    : undefined;
}

/** Arguments of `sendThrottled`. */
export function throttleOfSendThrottled([queue, , , seconds]: readonly unknown[]): Throttle | undefined {
  return typeof queue === 'string' ? { queue, seconds } : undefined;
}

/**
 * Sends a job. Where its queue does not take it, because it took one in the same seconds, that is a rejection: the sender
 * gets null in place of an id, and nobody else is told. What `send` resolves to, or rejects with, passes through.
 */
export function sendThrottled<T>(
  throttle: Throttle | undefined,
  lifecycle: EngineLifecycle,
  send: () => Promise<T>,
): Promise<T> {
  if (throttle === undefined || !lifecycle.isOn) return send();
  const around = context.active();
  return send().then((id) => {
    if (id === null)
      neverThrow('a job that pg-boss did not take', () => {
        const rejected = lifecycle.start('pipeline', throttle.queue, around);
        rejected.reject({ reason: 'rate_limit', detail: `one job in ${throttle.seconds} s` });
        rejected.settleReturned();
      });
    return id;
  });
}
