import type { ExecutionOptions } from '../../lifecycle/execution-options.ts';

/** The part of a job that is read; most of it is there with `includeMetadata` alone. */
export interface PgBossJob {
  readonly id: string;
  readonly name: string;
  readonly data?: unknown;
  readonly expireInSeconds?: number;
  /** Aborted when the handler's time is over, or its worker is stopped. */
  readonly signal?: AbortSignal;
  readonly retryCount?: number;
  readonly retryLimit?: number;
  readonly startAfter?: Date;
}

/** Which attempt at a job this is, as the engine says, else as far as this process knows. */
export function attemptOf(job: PgBossJob, before?: number): ExecutionOptions {
  const { retryCount, retryLimit } = job;
  return {
    attempt: (retryCount ?? before ?? 0) + 1,
    ...(retryLimit !== undefined && {
      maxAttempts: retryLimit + 1,
      final: retryCount !== undefined && retryCount >= retryLimit,
    }),
  };
}

/** What a handler of `perJobResults` says of a job. */
export interface PgBossResult {
  readonly id: string;
  readonly status: string;
  readonly output?: unknown;
}

/** How a job failed by what its handler says of it; undefined where it is completed. */
export function failureOf(
  results: unknown,
  jobId: string | undefined,
): { readonly output: unknown } | undefined {
  const of = Array.isArray(results)
    ? (results as readonly (PgBossResult | undefined)[]).findLast((each) => each?.id === jobId)
    : undefined;
  if (of?.status === 'completed') return undefined;
  return { output: of === undefined ? new Error('no disposition returned by handler') : of.output };
}
