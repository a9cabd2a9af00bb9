import type { Execution } from '../../lifecycle/execution-handle.ts';
import type { EngineLifecycle } from '../engine-lifecycle.ts';
import { attemptOf, failureOf, type PgBossJob } from './pg-boss-job.ts';

/** How a batch went: all of it by an error, each job by its result, or well. */
type BatchEnd = { readonly error: unknown } | { readonly results: unknown };

/** A step for each job of a batch that is over. They ran together, so each took as long as the batch. */
export function settleBatch(
  jobs: readonly PgBossJob[],
  startTime: number,
  batch: Execution,
  lifecycle: EngineLifecycle,
  end: BatchEnd,
): void {
  for (const job of jobs) {
    const step = lifecycle.start('step', 'job', batch.context, {
      ...attemptOf(job),
      startTime,
      correlationId: job.id,
      scheduledFor: job.startAfter,
      attributes: { 'messaging.message.id': job.id },
    });
    const failure = failureIn(end, job);
    if (failure === undefined) step.settleReturned();
    else if (failure.output instanceof Error) step.settleThrown(failure.output);
    else {
      step.fail();
      step.settleReturned();
    }
  }
}

function failureIn(end: BatchEnd, job: PgBossJob): { readonly output: unknown } | undefined {
  if ('error' in end) return { output: end.error };
  return end.results === undefined ? undefined : failureOf(end.results, job.id);
}
