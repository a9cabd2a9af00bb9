import { within } from './deadline.ts';
import { Deferred } from './deferred.ts';

interface Waiter {
  /** The `seq` up to which everything has to be settled. */
  readonly upTo: number;
  readonly promise: Promise<void>;
  readonly settled: Deferred;
}

/** Callers that wait until everything up to a `seq` is settled. Callers for the same `seq` share one wait. */
export class FlushWaiters {
  #waiters: Waiter[] = [];

  /** Resolves when everything up to `seq` is settled, or after `millis`. Keeps the process alive for it. */
  wait(upTo: number, millis: number): Promise<void> {
    const same = this.#waiters.find((waiter) => waiter.upTo === upTo);
    if (same !== undefined) return same.promise;
    const settled = new Deferred();
    const promise = within(millis, settled.promise, 'hold').then(() => {
      this.#waiters = this.#waiters.filter((waiter) => waiter.promise !== promise);
    });
    this.#waiters.push({ upTo, promise, settled });
    return promise;
  }

  /** Is told the `seq` of the oldest record that is not settled; undefined when all are. */
  settled(oldestSeq: number | undefined): void {
    for (const { upTo, settled } of this.#waiters) {
      if (oldestSeq === undefined || oldestSeq > upTo) settled.resolve();
    }
  }
}
