import type { RejectionReason } from '../execution.ts';
import type { DetachedState } from './detached-state.ts';
import type { Execution } from './execution-handle.ts';
import type { ExecutionOptions, Work } from './execution-options.ts';
import { neverThrow } from './never-throw.ts';
import { errorTypeOf } from './outcome.ts';
import type { PipelineMetrics } from './pipeline-metrics.ts';
import type { Ending } from './pipeline-tracer.ts';
import { startedAtOf, waitMsOf } from './start-attributes.ts';
import { countCost } from './work.ts';

/** What one execution adds to the metrics, and how long it took, by a clock that never steps. */
export class ExecutionMetrics {
  readonly #metrics: PipelineMetrics;
  readonly #execution: Execution;
  #startedAt = performance.now();

  constructor(metrics: PipelineMetrics, execution: Execution) {
    this.#metrics = metrics;
    this.#execution = execution;
  }

  started(options: ExecutionOptions | undefined): void {
    const { kind, attempt } = this.#execution;
    if (options !== undefined) {
      neverThrow('an option', () => {
        this.#startedBefore(startedAtOf(options));
        this.#metrics.started(this.#execution, waitMsOf(options), attempt);
      });
    } else if (kind === 'pipeline') this.#metrics.started(this.#execution, undefined, attempt);
  }

  /** It was started, and counted, by whoever let go of it. */
  resumed({ spans }: DetachedState): void {
    this.#startedBefore(spans.startedAt);
  }

  did(work: Work): void {
    countCost(this.#metrics, this.#execution, work);
  }

  /** Somebody answered an interrupt, or nobody will. */
  interruptEnded(kind: string, answer: 'resumed' | 'rejected' | 'expired', millis: number): void {
    this.#metrics.interruptEnded(kind, answer, millis);
  }

  rejected(reason: RejectionReason): void {
    this.#metrics.rejected(this.#execution, reason);
  }

  ended({ outcome, hasError, error }: Ending, suspendedMs: number): void {
    const execution = this.#execution;
    const millis = performance.now() - this.#startedAt - suspendedMs;
    const errorType = hasError ? errorTypeOf(error) : undefined;
    this.#metrics.ended(execution, Math.max(0, millis) / 1_000, outcome, errorType, execution.context);
  }

  /** Its duration counts from then, in milliseconds since the Unix epoch. */
  #startedBefore(at: number | undefined): void {
    if (at !== undefined) this.#startedAt -= Math.max(0, Date.now() - at);
  }
}
