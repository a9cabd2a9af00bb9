import type { RecordStore, RetentionPolicy } from '../store/record-store.ts';
import { ConditionLog } from './condition-log.ts';
import { within } from './deadline.ts';
import { classifyError } from './error-classes.ts';
import { untraced } from './untraced.ts';

const DAY_MILLIS = 86_400_000;

/** What is kept where nobody said otherwise: 7 days, 90 days of failed runs, 1 GiB. */
export const DEFAULT_RETENTION: RetentionPolicy = {
  maxAgeMs: 7 * DAY_MILLIS,
  failedMaxAgeMs: 90 * DAY_MILLIS,
  maxBytes: 1024 ** 3,
};

/** What {@link pruneOnSchedule} removes, and when. */
export interface RetentionScheduleOptions extends Partial<RetentionPolicy> {
  /** Before the first prune: a start has better things to do. Milliseconds. @default 60_000 */
  readonly firstDelayMillis?: number;
  /** From the end of a prune to the next. Milliseconds. @default 3_600_000 */
  readonly intervalMillis?: number;
  /** How long `stop` waits for a prune under way. Milliseconds. @default 1_000 */
  readonly stopTimeoutMillis?: number;
}

/** A schedule that was started. */
export interface RetentionSchedule {
  /** Prunes no more, and waits a while for a prune under way: call it before the store is closed. Never rejects. */
  stop(): Promise<void>;
}

/**
 * Prunes a store shortly after the start and then every hour, one prune at a time. Does not keep the process alive.
 * An error is logged when a series of failures begins, and the next prune is tried as if nothing had happened.
 */
export function pruneOnSchedule(
  store: RecordStore,
  options: RetentionScheduleOptions = {},
): RetentionSchedule {
  const { firstDelayMillis = 60_000, intervalMillis = 3_600_000, stopTimeoutMillis = 1_000 } = options;
  const policy: RetentionPolicy = {
    maxAgeMs: options.maxAgeMs ?? DEFAULT_RETENTION.maxAgeMs,
    failedMaxAgeMs: options.failedMaxAgeMs ?? DEFAULT_RETENTION.failedMaxAgeMs,
    maxBytes: options.maxBytes ?? DEFAULT_RETENTION.maxBytes,
  };
  const failing = new ConditionLog(() => performance.now());
  let isStopped = false;
  let running: Promise<void> = Promise.resolve();
  let timer = schedule(firstDelayMillis);

  function schedule(delay: number): NodeJS.Timeout {
    const next = setTimeout(() => {
      running = prune();
    }, delay);
    return next.unref();
  }

  async function prune(): Promise<void> {
    try {
      await untraced(async () => {
        await store.init();
        if (!isStopped) await store.prune(policy);
      });
      failing.end((seconds) => `${store.name} is pruned again after ${seconds} s`);
    } catch (error) {
      failing.begin(
        () => `${store.name} could not be pruned (${classifyError(error).code}); it grows until it can`,
      );
    }
    if (!isStopped) timer = schedule(intervalMillis);
  }

  return {
    async stop() {
      isStopped = true;
      clearTimeout(timer);
      await within(stopTimeoutMillis, running, 'hold');
    },
  };
}
