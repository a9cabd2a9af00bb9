import type { BullmqJob } from './bullmq-shapes.ts';

/** Errors that are kept for a job that may fail because of them. */
const MAX_KEPT = 1_000;

/** How BullMQ says, in words alone, that a job fails because one it waits for has failed. */
const CHILD_FAILED = /^child (.+) failed$/;

/**
 * What the jobs of flows failed with, in this process. BullMQ fails a waiting job with the key of its failed child and
 * nothing else; where that child failed here, its error is the cause.
 */
export class FailedChildren {
  readonly #errors = new Map<string, unknown>();

  /** A job failed, for good or not: the last time counts. */
  keep(key: string, job: BullmqJob, error: unknown): void {
    if (job.parentKey === undefined) return;
    if (this.#errors.size >= MAX_KEPT) this.#errors.clear();
    this.#errors.set(key, error);
  }

  /** An error with its cause. The error itself is the application's and stays as it is. */
  explain(error: unknown): unknown {
    if (!(error instanceof Error) || error.cause !== undefined) return error;
    const key = CHILD_FAILED.exec(error.message)?.[1];
    if (key === undefined || !this.#errors.has(key)) return error;
    return Object.create(error, { cause: { value: this.#errors.get(key) } });
  }
}
