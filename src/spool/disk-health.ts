import { ConditionLog } from '../export/condition-log.ts';

/** A write that takes longer holds up the application too long. Milliseconds. */
const SLOW_MILLIS = 50;
/** One that takes so long is not a moment in which the process had no processor, but the disk. Milliseconds. */
const HANGING_MILLIS = 250;
/** Nor are two slow ones in this time. Milliseconds. */
const REPEATED_MILLIS = 10_000;
/** How long all writes have to be fast before the application waits for them again. Milliseconds. */
const GOOD_MILLIS = 60_000;

export type DiskState = 'well' | 'slow' | 'failing';

/**
 * How the disk does. *Well*: frames are written while the application waits. *Slow*: they are gathered in memory and
 * written behind its back, until no write has been slow for a minute. *Failing*: they are gathered in memory, and now and then
 * it is tried to write them. A line on `diag` when it stops being well, and one when it is again.
 */
export class DiskHealth {
  readonly #now: () => number;
  readonly #log: ConditionLog;
  #state: DiskState = 'well';
  #slowAt = Number.NEGATIVE_INFINITY;

  constructor(now: () => number) {
    this.#now = now;
    this.#log = new ConditionLog(now);
  }

  get state(): DiskState {
    if (this.#state === 'slow' && this.#now() - this.#slowAt >= GOOD_MILLIS) this.works();
    return this.#state;
  }

  /** A write took so long. */
  took(millis: number): void {
    if (millis < SLOW_MILLIS) return;
    const isRepeated = this.#now() - this.#slowAt < REPEATED_MILLIS;
    this.#slowAt = this.#now();
    if (this.#state !== 'well' || (millis < HANGING_MILLIS && !isRepeated)) return;
    this.#state = 'slow';
    this.#log.begin(
      () =>
        `writing to the spool took ${Math.round(millis)} ms: until it is fast again records are kept in memory first, and a crash loses those not written yet`,
    );
  }

  /** Nothing can be written. */
  fails(code: string): void {
    this.#state = 'failing';
    this.#log.begin(
      () =>
        `the spool can not be written (${code}): records are kept in memory alone, and a crash loses them. It is tried again every 30 s`,
    );
  }

  /** What was gathered could be written. */
  works(): void {
    this.#state = 'well';
    this.#log.end((seconds) => `the spool is written as usual again, after ${seconds} s`);
  }
}
