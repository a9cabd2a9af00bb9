/** `closed`: the store works. `open`: it does not, and is left alone for a while. `half_open`: a canary is tried. */
export type BreakerState = 'closed' | 'open' | 'half_open';

/** Failures in a row after which the store counts as down. */
const MAX_FAILURES = 5;

/** Two, so that one record which is refused for its content is not taken for a store that is down. */
const CANARY_RECORDS = 2;

/**
 * Knows whether the store is down. While it is, each try is a canary: a store that comes back is not met with a full
 * batch, and one that does not costs next to nothing.
 */
export class Breaker {
  #failures = 0;
  #isTrying = false;

  get state(): BreakerState {
    if (this.#failures < MAX_FAILURES) return 'closed';
    return this.#isTrying ? 'half_open' : 'open';
  }

  /** Whether the last try failed. */
  get hasFailed(): boolean {
    return this.#failures > 0;
  }

  /** How many of `records` the next try may take. */
  limit(records: number): number {
    return this.#failures < MAX_FAILURES ? records : Math.min(records, CANARY_RECORDS);
  }

  trying(): void {
    this.#isTrying = true;
  }

  succeeded(): void {
    this.#isTrying = false;
    this.#failures = 0;
  }

  failed(): void {
    this.#isTrying = false;
    this.#failures++;
  }
}
