import type { RetryOptions } from './batch-options.ts';
import type { ErrorClass } from './error-families.ts';

/** What is done about a store that does not take records, by the class of its error. */
interface RetryRule {
  /** Where somebody has to act, asking often helps nobody. Milliseconds. */
  readonly minBoundMillis: number;
  readonly maxBoundMillis?: number;
  /** What the log tells the reader to do. */
  readonly advice: string;
}

const ATTENTION_MILLIS = 30_000;

const RULES: Readonly<Record<Exclude<ErrorClass, 'data'>, RetryRule>> = {
  transient: { minBoundMillis: 0, advice: 'it is tried again until it answers' },
  environment: { minBoundMillis: 0, advice: 'check the free disk space and the file limits of the machine' },
  configuration: {
    minBoundMillis: 1_000,
    maxBoundMillis: ATTENTION_MILLIS,
    advice: 'check the path or address of the store, its permissions and its credentials',
  },
  fatal: {
    minBoundMillis: ATTENTION_MILLIS,
    maxBoundMillis: ATTENTION_MILLIS,
    advice: 'it is damaged: move it away, and a new one is made',
  },
  unknown: { minBoundMillis: 0, advice: 'it is tried again; if this lasts, look into the log of the store' },
};

/** Class of an error that is the store's, not a record's. */
export type StoreErrorClass = keyof typeof RULES;

/** What the reader of the log should do about a class of errors. */
export function adviceFor(errorClass: StoreErrorClass): string {
  return RULES[errorClass].advice;
}

/**
 * Waits with full jitter: each is drawn between 0 and a bound that doubles, so that many processes which lost one
 * store do not come back to it in step. There is no last attempt.
 */
export class RetryPolicy {
  readonly #options: Required<RetryOptions>;
  #failures = 0;

  constructor(options: Required<RetryOptions>) {
    this.#options = options;
  }

  /** Milliseconds to wait after one more failure. */
  nextDelay(errorClass: StoreErrorClass): number {
    const { baseDelayMillis, maxDelayMillis, random } = this.#options;
    const { minBoundMillis, maxBoundMillis = maxDelayMillis } = RULES[errorClass];
    const bound = Math.max(minBoundMillis, baseDelayMillis * 2 ** Math.min(this.#failures++, 30));
    return Math.ceil(draw(random) * Math.min(maxBoundMillis, bound));
  }

  /** Starts over, after a success or when somebody waits for the result. */
  reset(): void {
    this.#failures = 0;
  }
}

/** A number from 0 to 1, whatever the application's own source of chance does. */
function draw(random: () => number): number {
  try {
    return Math.min(1, Math.max(0, random())) || 0;
  } catch {
    return Math.random();
  }
}
