import type { SpanContext } from '@opentelemetry/api';
import { currentExecution } from './current-execution.ts';
import type { Execution } from './execution-handle.ts';
import { type ExecutionOptions, RETRY_TRAIL } from './execution-options.ts';
import { lifecycleSettings } from './lifecycle-settings.ts';
import type { MetricIdentity } from './metric-series.ts';
import { describeError, outcomeFromError } from './outcome.ts';
import { activeMetrics } from './pipeline-metrics.ts';
import { report } from './report.ts';

/** How often, and how far apart, {@link attempts} tries. */
export interface AttemptsOptions {
  /** How often at most, the first try included. */
  readonly maxAttempts: number;
  /**
   * Milliseconds before the next try; a function gets the number of the attempt that failed. Where that throws, or
   * says no number, there is no wait. @default 0
   */
  readonly delayMs?: number | ((attempt: number, error: unknown) => number) | undefined;
  /**
   * Whether to try again after this error. Where it throws, there is no further try, and the loop throws the error
   * it was asked about. @default not after a cancellation or a skip
   */
  readonly retryIf?: ((error: unknown) => boolean) | undefined;
  /** Ends the waiting: the loop then throws the signal's reason. */
  readonly signal?: AbortSignal | undefined;
}

/** One try. It is also the options of the step that is tried, and spread into others it keeps working. */
export interface Attempt extends ExecutionOptions {
  /** 1, 2, … */
  readonly attempt: number;
  readonly maxAttempts: number;
  readonly final: boolean;
  /**
   * Runs `fn`. Resolves with its value, which ends the loop; with undefined where it threw and another attempt
   * follows; rejects with the very error where none does.
   */
  try<T>(fn: () => T): Promise<Awaited<T> | undefined>;
}

/** What the attempts at one thing know of each other. */
export interface RetryTrail {
  /** Span of the attempt before. */
  readonly previous: SpanContext | undefined;
  /** Told when an execution starts as this attempt. */
  started(execution: MetricIdentity, span: SpanContext): void;
}

/**
 * Tries again, each attempt an execution of its own that links to the one before:
 *
 * ```ts
 * for await (const attempt of attempts({ maxAttempts: 3, delayMs: 1_000 })) {
 *   rows = await attempt.try(() => run.step('load', attempt, () => load()));
 * }
 * ```
 *
 * The loop ends after the first success, and throws what the last attempt threw. Leaving it early is fine.
 */
export async function* attempts(options: AttemptsOptions): AsyncGenerator<Attempt, void, undefined> {
  const { maxAttempts } = options;
  if (!Number.isInteger(maxAttempts) || maxAttempts < 1) {
    throw new RangeError(`maxAttempts must be a whole number of at least 1, got ${maxAttempts}`);
  }
  let previous: SpanContext | undefined;
  for (let number = 1; number <= maxAttempts; number++) {
    const attempt = new OneAttempt(number, options, previous, currentExecution());
    yield attempt;
    if (!attempt.isToRepeat) return;
    await pause(delayOf(options, number, attempt.error), options.signal);
    previous = attempt.span;
  }
}

class OneAttempt implements Attempt {
  readonly attempt: number;
  readonly maxAttempts: number;
  readonly final: boolean;
  readonly [RETRY_TRAIL]: RetryTrail;
  readonly #retryIf: AttemptsOptions['retryIf'];
  readonly #around: Execution | undefined;
  #started: SpanContext | undefined;
  #isToRepeat = false;
  #error: unknown;

  constructor(
    number: number,
    { maxAttempts, retryIf }: AttemptsOptions,
    previous: SpanContext | undefined,
    around: Execution | undefined,
  ) {
    this.attempt = number;
    this.maxAttempts = maxAttempts;
    this.final = number === maxAttempts;
    this.#retryIf = retryIf;
    this.#around = around;
    this[RETRY_TRAIL] = {
      previous,
      started: (_execution, span) => {
        this.#started ??= span;
      },
    };
  }

  get isToRepeat(): boolean {
    return this.#isToRepeat;
  }

  get error(): unknown {
    return this.#error;
  }

  get span(): SpanContext | undefined {
    return this.#started;
  }

  async try<T>(fn: () => T): Promise<Awaited<T> | undefined> {
    try {
      return await fn();
    } catch (error) {
      if (this.final || !this.#isRetryable(error)) throw error;
      this.#isToRepeat = true;
      this.#error = error;
      this.#announce();
      return undefined;
    }
  }

  #isRetryable(error: unknown): boolean {
    if (this.#retryIf !== undefined) return isWanted(this.#retryIf, error);
    const outcome = outcomeFromError(error, lifecycleSettings().classifyError);
    return outcome !== 'cancellation' && outcome !== 'skip';
  }

  /** The next attempt is counted when it starts as an execution; where none was started, it is counted here. */
  #announce(): void {
    if (this.#around === undefined) return;
    this.#around.retry(String(this.attempt + 1));
    if (this.#started === undefined) activeMetrics()?.retried(this.#around);
  }
}

/** The error of the work matters more than one of the code that judges it, which is only reported. */
function isWanted(retryIf: (error: unknown) => boolean, error: unknown): boolean {
  try {
    return retryIf(error);
  } catch (thrown) {
    report('warn', `retryIf threw ${describeError(thrown).type}; it is not tried again`);
    return false;
  }
}

function delayOf({ delayMs }: AttemptsOptions, attempt: number, error: unknown): number {
  if (typeof delayMs !== 'function') return delayMs ?? 0;
  try {
    return delayMs(attempt, error);
  } catch (thrown) {
    report('warn', `delayMs threw ${describeError(thrown).type}; there is no wait`);
    return 0;
  }
}

/** Longest wait a timer can take; beyond it Node.js fires at once. */
const MAX_TIMEOUT_MS = 2 ** 31 - 1;

/** Waits. The timer keeps the process alive, since the work that is going to be tried again does. */
function pause(ms: number, signal: AbortSignal | undefined): Promise<void> {
  signal?.throwIfAborted();
  if (!(ms > 0)) return Promise.resolve();
  return new Promise((resolve, reject) => {
    const timer = setTimeout(done, Math.min(ms, MAX_TIMEOUT_MS));
    function done(): void {
      signal?.removeEventListener('abort', aborted);
      resolve();
    }
    function aborted(): void {
      clearTimeout(timer);
      reject(signal?.reason);
    }
    signal?.addEventListener('abort', aborted, { once: true });
  });
}
