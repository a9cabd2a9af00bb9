/** Keys that are counted at once; beyond it the ones unused longest are forgotten and count from 1 again. */
const MAX_KEYS = 10_000;

/** Numbers attempts that nobody numbered: the nth execution with the same key is the nth attempt. */
export class AttemptCounter {
  readonly #counts = new Map<string, number>();

  next(key: string): number {
    const attempt = (this.#counts.get(key) ?? 0) + 1;
    this.#counts.delete(key);
    this.#counts.set(key, attempt);
    if (this.#counts.size > MAX_KEYS) {
      for (const oldest of this.#counts.keys()) {
        this.#counts.delete(oldest);
        break;
      }
    }
    return attempt;
  }
}
