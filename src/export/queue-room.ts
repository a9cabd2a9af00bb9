import { Deferred } from './deferred.ts';
import type { QueueStats } from './record-queue.ts';

/** Shares of the bounds at which the queue counts as crowded, and as roomy again. */
const HIGH_WATER = 0.8;
const LOW_WATER = 0.5;

/** A timer that does nothing keeps the process alive: who waits for room is not done with its work. */
const HOLD_MILLIS = 60_000;

/** Lets callers wait until the queue has room. Nobody waits below the high-water mark. */
export class QueueRoom {
  #isOpenForGood = false;
  #waiting: Deferred | undefined;
  #hold: NodeJS.Timeout | undefined;

  /** Resolves at once below the high-water mark, else below the low-water mark. */
  wait(stats: QueueStats): Promise<void> {
    if (this.#isOpenForGood || (this.#waiting === undefined && stats.fill < HIGH_WATER)) {
      return Promise.resolve();
    }
    if (this.#waiting === undefined) {
      this.#waiting = new Deferred();
      this.#hold = setInterval(() => undefined, HOLD_MILLIS);
    }
    return this.#waiting.promise;
  }

  /** Is told that the queue shrank. Returns whether it has room. */
  check(stats: QueueStats): boolean {
    if (stats.fill >= LOW_WATER) return false;
    this.#release();
    return true;
  }

  /** Nobody waits any more. */
  open(): void {
    this.#isOpenForGood = true;
    this.#release();
  }

  #release(): void {
    clearInterval(this.#hold);
    this.#waiting?.resolve();
    this.#waiting = undefined;
  }
}
