import { context, type SpanContext } from '@opentelemetry/api';
import { currentExecution } from '../../lifecycle/current-execution.ts';
import type { Execution } from '../../lifecycle/execution-handle.ts';
import { type ExecutionOptions, RETRY_TRAIL } from '../../lifecycle/execution-options.ts';
import { neverThrow } from '../../lifecycle/never-throw.ts';
import type { SharedRecord } from '../../lifecycle/shared-record.ts';
import { ATTR_INTERRUPT_COUNT } from '../../semconv.ts';
import type { EngineLifecycle } from '../engine-lifecycle.ts';
import { meaningOf } from './langgraph-errors.ts';
import type { LoopTask, RetryPolicy, StopSignals } from './langgraph-loop.ts';

/** Attempts a retry policy allows where it does not say. */
const DEFAULT_ATTEMPTS = 3;

/** What a task needs of the run it is in. */
export interface TaskRun {
  readonly lifecycle: EngineLifecycle;
  /** What retries a task that has no policy of its own. */
  readonly retryPolicy: RetryPolicy | undefined;
  opened(task: GraphTask): void;
  /** It is over, or waits; a task that waits is gone on with when it is invoked again. */
  closed(task: GraphTask): void;
}

/**
 * The executions of one task: one for each attempt. A task that is interrupted is suspended, and the same execution
 * goes on when the task is invoked again, which runs the node from its beginning.
 */
export class GraphTask {
  readonly id: string;
  readonly #name: string;
  readonly #run: TaskRun;
  readonly #task: LoopTask;
  readonly #record: SharedRecord | undefined;
  #attempts = 0;
  #current: Execution | undefined;
  #previous: SpanContext | undefined;
  #interrupts: readonly string[] = [];

  /** `record` is that of its first attempt, where other processes know it too. */
  constructor(task: LoopTask, run: TaskRun, record: SharedRecord | undefined) {
    this.id = task.id;
    this.#name = String(task.name);
    this.#task = task;
    this.#run = run;
    this.#record = record;
  }

  get isWaiting(): boolean {
    return this.#interrupts.length > 0;
  }

  /** Runs an attempt. Errors pass by, as does what it returns. */
  async attempt<T>(work: () => Promise<T>, signals: StopSignals): Promise<T> {
    const startedAt = Date.now();
    neverThrow('an attempt of langgraph', () => {
      if (this.isWaiting) this.#resume();
      else this.#begin();
    });
    const step = this.#current;
    if (step === undefined) return work();
    try {
      const result = await step.run(work);
      if (!this.#isLate(startedAt, signals)) this.#settle(step);
      return result;
    } catch (error) {
      neverThrow('the end of a node of langgraph', () => {
        if (!this.#isLate(startedAt, signals)) this.#threw(step, error, signals.own);
      });
      throw error;
    }
  }

  /** The engine takes the task for failed, with an error its node may not have thrown: its time was over. */
  failed(error: Error): void {
    if (this.#current !== undefined && !this.isWaiting) this.#threw(this.#current, error, undefined);
  }

  /** The run is over, with what was thrown, and the task is not: it timed out, or was left. */
  abandon(thrown: { readonly error: unknown } | undefined, outcome: 'timeout' | 'cancellation'): void {
    const step = this.#current;
    if (step === undefined) return;
    const isOwn =
      (thrown?.error as { readonly pregelTaskId?: unknown } | undefined)?.pregelTaskId === this.id;
    if (isOwn) this.#threw(step, thrown?.error, undefined);
    else this.#settle(step, outcome, outcome === 'timeout' ? thrown?.error : undefined);
  }

  /** Whether the time of an attempt was over, of which the engine is going to make an error, whatever came of it. */
  #isLate(startedAt: number, { own, ofRun }: StopSignals): boolean {
    const { timeout } = this.#task;
    if (timeout === undefined) return false;
    if (own?.aborted === true && own.reason !== ofRun?.reason) return true;
    return Date.now() - startedAt >= (timeout.runTimeout ?? Number.POSITIVE_INFINITY);
  }

  #begin(): void {
    // The engine gave up on the attempt before: its time was over.
    if (this.#current !== undefined) this.#settle(this.#current, 'timeout');
    const parent = currentExecution();
    parent?.becomeProcess();
    const attempt = ++this.#attempts;
    if (attempt > 1) parent?.retry(String(attempt));
    this.#current = this.#run.lifecycle.start('step', this.#name, context.active(), this.#optionsOf(attempt));
    this.#run.opened(this);
  }

  #optionsOf(attempt: number): ExecutionOptions {
    const policy = this.#task.retry_policy ?? this.#run.retryPolicy;
    const maxAttempts = policy === undefined ? 1 : (policy.maxAttempts ?? DEFAULT_ATTEMPTS);
    const trail = {
      previous: this.#previous,
      started: (_: unknown, span: SpanContext) => {
        this.#previous = span;
      },
    };
    return {
      attempt,
      input: this.#task.input,
      ...(attempt === 1 && this.#stretch()),
      ...(maxAttempts > 1 && { maxAttempts, final: attempt === maxAttempts, [RETRY_TRAIL]: trail }),
    };
  }

  /** Its record, where other processes know it; one that waited elsewhere says how often. */
  #stretch(): ExecutionOptions {
    const record = this.#record;
    if (record === undefined || record.segment === 1) return { record };
    return { record, attributes: { [ATTR_INTERRUPT_COUNT]: record.segment - 1 } };
  }

  #resume(): void {
    const ids = this.#interrupts;
    this.#interrupts = [];
    for (const id of ids) this.#current?.resume(id);
    this.#run.opened(this);
  }

  #threw(step: Execution, error: unknown, signal: AbortSignal | undefined): void {
    if (step !== this.#current) return;
    const meaning = meaningOf(error, this.id, [signal]);
    if (meaning.kind === 'interrupt') {
      this.#interrupts = meaning.ids;
      for (const id of meaning.ids) step.interrupt(id, 'interrupt');
      this.#run.closed(this);
      return;
    }
    if (meaning.kind === 'failure') {
      if (meaning.outcome !== undefined) step.end(meaning.outcome, meaning.error);
      step.settleThrown(meaning.error);
    }
    this.#settle(step);
  }

  #settle(step: Execution, outcome?: 'timeout' | 'cancellation', error?: unknown): void {
    if (step !== this.#current) return;
    this.#current = undefined;
    this.#interrupts = [];
    if (outcome !== undefined) step.end(outcome, error);
    step.settleReturned();
    this.#run.closed(this);
  }
}
