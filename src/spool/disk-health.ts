import { ConditionLog } from '../export/condition-log.ts';

/** A write that takes longer holds up the application too long. Milliseconds. */
const SLOW_MILLIS = 50;
/** One that takes so long shows by itself that the disk hangs. Milliseconds. */
const HANGING_MILLIS = 250;
/** A single slow one may be a moment in which the process had no processor. So many are not: in a row, or in a while. */
const SLOW_IN_A_ROW = 2;
const SLOW_IN_A_WHILE = 3;
const WHILE_MILLIS = 10_000;
/** Before something is dropped a disk that was slow is tried again, for no more than a quarter of the time. */
const REST_FACTOR = 3;
/** How long all writes have to be fast before the application waits for them again. Milliseconds. */
const GOOD_MILLIS = 60_000;

/** What is over once files are removed. */
const FULL = new Set(['ENOSPC', 'EDQUOT']);

export type DiskState = 'well' | 'slow' | 'failing';

/** Whether an error says that a disk has no more room. */
export function isDiskFull(code: string | undefined): boolean {
  return code !== undefined && FULL.has(code);
}

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
  /** Why it fails, an error of the system. */
  #code = '';
  /** When the last slow writes were. */
  readonly #slowAt: number[] = [];
  #slowInARow = 0;
  #restUntil = 0;
  /** What the thread had waited for a processor when it was last asked. */
  #waited: number;

  constructor(now: () => number, waitedForProcessor: () => number) {
    this.#now = now;
    this.#waitedForProcessor = waitedForProcessor;
    this.#waited = waitedForProcessor();
    this.#log = new ConditionLog(now);
  }

  get state(): DiskState {
    if (this.#state === 'slow' && this.#now() - (this.#slowAt.at(-1) ?? 0) >= GOOD_MILLIS) this.works();
    return this.#state;
  }

  /** Whether it fails for want of room alone. */
  get isFull(): boolean {
    return this.#state === 'failing' && isDiskFull(this.#code);
  }

  /** A write took so long. */
  took(millis: number): void {
    if (millis < SLOW_MILLIS) {
      this.#slowInARow = 0;
      return;
    }
    if (this.#lackedProcessor(millis)) return;
    const now = this.#now();
    this.#slowInARow++;
    this.#slowAt.push(now);
    if (this.#slowAt.length > SLOW_IN_A_WHILE) this.#slowAt.shift();
    this.#restUntil = now + millis * REST_FACTOR;
    if (this.#state !== 'well') return;
    const isFrequent = this.#slowAt.length === SLOW_IN_A_WHILE && now - (this.#slowAt[0] ?? 0) < WHILE_MILLIS;
    if (millis < HANGING_MILLIS && this.#slowInARow < SLOW_IN_A_ROW && !isFrequent) return;
    this.#state = 'slow';
    this.#log.begin(
      () =>
        `writing to the spool took ${Math.round(millis)} ms: until it is fast again records are kept in memory first, and a crash loses those not written yet`,
    );
  }

  /** Memory is full: a slow disk counts as well again, if it had a rest. Returns whether it does. */
  resume(): boolean {
    if (this.#state === 'slow' && this.#now() >= this.#restUntil) this.works();
    return this.#state === 'well';
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
    this.#code = code;
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
