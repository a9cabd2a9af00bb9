import type { Outcome } from '../../execution.ts';
import type { PgBossJob } from './pg-boss-job.ts';

/** Timers fire a little early at times. */
const EARLY_MS = 50;
/** Longest wait a timer can take; beyond it Node.js fires at once. */
const MAX_TIMEOUT_MS = 2 ** 31 - 1;

/**
 * Tells when the engine goes on without its handler, which keeps running: because its time is over, as `timeout`, or
 * because its worker was stopped, as `error`. Until the returned function is called.
 */
export function whenGivenUp(
  jobs: readonly PgBossJob[],
  onGivenUp: (outcome: Outcome, error: Error) => void,
): () => void {
  const seconds = Math.max(0, ...jobs.map(({ expireInSeconds }) => expireInSeconds ?? 0));
  const limitMs = Math.max(1, seconds) * 1_000;
  const startedAt = performance.now();
  const expired = () => onGivenUp('timeout', new Error(`handler execution exceeded ${seconds}s`));
  const signal = jobs[0]?.signal;
  if (signal === undefined) {
    if (seconds === 0) return () => {};
    const timer = setTimeout(expired, Math.min(limitMs, MAX_TIMEOUT_MS)).unref();
    return () => clearTimeout(timer);
  }
  const onAbort = () => {
    // A job that another worker took over has an error of its own; its handler goes on, and is waited for.
    if (signal.reason?.name !== 'AbortError') return;
    if (performance.now() - startedAt >= limitMs - EARLY_MS) expired();
    else onGivenUp('error', new Error('pg-boss shut down while the handler was still running'));
  };
  signal.addEventListener('abort', onAbort, { once: true });
  return () => signal.removeEventListener('abort', onAbort);
}
