import { Deferred } from './deferred.ts';
import type { QueueStats } from './record-queue.ts';

/** Shares of the bounds at which the queue counts as crowded, and as roomy again. */
const HIGH_WATER = 0.8;
const LOW_WATER = 0.5;

/** A timer that does nothing keeps the process alive: who waits for room is not done with its work. */
const HOLD_MILLIS = 60_000;

export interface RoomLimits {
  readonly maxQueueSize: number;
  readonly maxQueueBytes: number;
}

/** Lets callers wait until the queue has room. Nobody waits below the high-water mark. */
export class QueueRoom {
  readonly #limits: RoomLimits;
  #isOpenForGood = false;
  #waiting: Deferred | undefined;
  #hold: NodeJS.Timeout | undefined;

  constructor(limits: RoomLimits) {
    this.#limits = limits;
  }

  /** Resolves at once below the high-water mark, else below the low-water mark. */
  wait(stats: QueueStats): Promise<void> {
    if (this.#isOpenForGood || (this.#waiting === undefined && this.#isBelow(HIGH_WATER, stats))) {
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
    if (!this.#isBelow(LOW_WATER, stats)) return false;
    this.#release();
    return true;
  }

  /** Nobody waits any more. */
  open(): void {
    this.#isOpenForGood = true;
    this.#release();
  }

  #isBelow(mark: number, { records, bytes }: QueueStats): boolean {
    return records < this.#limits.maxQueueSize * mark && bytes < this.#limits.maxQueueBytes * mark;
  }

  #release(): void {
    clearInterval(this.#hold);
    this.#waiting?.resolve();
    this.#waiting = undefined;
  }
}
