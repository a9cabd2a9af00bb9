import { readFileSync } from 'node:fs';
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
  readonly #waitedForProcessor: () => number;
  readonly #log: ConditionLog;
  #state: DiskState = 'well';
  #slowAt = Number.NEGATIVE_INFINITY;

  /** What the thread had waited for a processor when it was last asked. */
  #waited: number;

  constructor(now: () => number, waitedForProcessor: () => number = waitedByScheduler) {
    this.#now = now;
    this.#waitedForProcessor = waitedForProcessor;
    this.#waited = waitedForProcessor();
    this.#log = new ConditionLog(now);
  }

  get state(): DiskState {
    if (this.#state === 'slow' && this.#now() - this.#slowAt >= GOOD_MILLIS) this.works();
    return this.#state;
  }

  /** A write took so long. */
  took(millis: number): void {
    if (millis < SLOW_MILLIS || this.#lackedProcessor(millis)) return;
    const isRepeated = this.#now() - this.#slowAt < REPEATED_MILLIS;
    this.#slowAt = this.#now();
    if (this.#state !== 'well' || (millis < HANGING_MILLIS && !isRepeated)) return;
    this.#state = 'slow';
    this.#log.begin(
      () =>
        `writing to the spool took ${Math.round(millis)} ms: until it is fast again records are kept in memory first, and a crash loses those not written yet`,
    );
  }

  /**
   * Whether it was not the disk, but a machine that is overloaded: to keep records in memory would cost their safety then
   * and help nobody. The first slow write in a long time gets the benefit of the doubt.
   */
  #lackedProcessor(millis: number): boolean {
    const before = this.#waited;
    this.#waited = this.#waitedForProcessor();
    return this.#waited - before >= millis / 2;
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

/**
 * Milliseconds this thread was ready to run and had no processor, as Linux counts them; 0 where nobody does, so that every
 * slow write is put down to the disk.
 */
function waitedByScheduler(): number {
  try {
    const [, waitedNanos] = readFileSync('/proc/thread-self/schedstat', 'latin1').split(' ');
    return Number(waitedNanos) / 1e6 || 0;
  } catch {
    return 0;
  }
}
