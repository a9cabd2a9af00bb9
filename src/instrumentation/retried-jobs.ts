import type { SpanContext } from '@opentelemetry/api';
import type { Execution } from '../lifecycle/execution-handle.ts';

/** Jobs that are remembered at once; the oldest are forgotten. */
const MAX_JOBS = 1_000;

/** An attempt that failed here. */
export interface FailedAttempt {
  readonly span: SpanContext;
  readonly attempt: number;
}

/**
 * The last failed attempts of jobs, by job id, so that the next attempt can link to the one before. What another process
 * tried is not known: there the correlation id holds the attempts together.
 */
export class RetriedJobs {
  readonly #attempts = new Map<string, FailedAttempt>();

  failed(jobId: string, { span, attempt }: Execution): void {
    this.#attempts.set(jobId, { span: span.spanContext(), attempt });
    if (this.#attempts.size <= MAX_JOBS) return;
    const [oldest] = this.#attempts.keys();
    if (oldest !== undefined) this.#attempts.delete(oldest);
  }

  /** The attempt before this one, which is no longer remembered. */
  take(jobId: string): FailedAttempt | undefined {
    const attempt = this.#attempts.get(jobId);
    if (attempt !== undefined) this.#attempts.delete(jobId);
    return attempt;
  }
}
