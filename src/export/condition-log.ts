import { logGuarded } from './guarded-log.ts';

/** One line for a condition in this time, however often it comes and goes. Milliseconds. */
const QUIET_MILLIS = 10_000;

/**
 * Says on `diag` when a lasting condition begins and when it ends: two lines, not one for each record. A condition
 * that comes back within 10 s is not announced again. Never throws, whatever the application's logger does.
 */
export class ConditionLog {
  readonly #now: () => number;
  #since: number | undefined;
  #announcedAt: number | undefined;
  #isAnnounced = false;

  constructor(now: () => number) {
    this.#now = now;
  }

  get isActive(): boolean {
    return this.#since !== undefined;
  }

  /** The condition holds; the message is built only where it is logged. */
  begin(message: () => string): void {
    if (this.#since !== undefined) return;
    this.#since = this.#now();
    const isQuiet = this.#announcedAt !== undefined && this.#since - this.#announcedAt < QUIET_MILLIS;
    this.#isAnnounced = !isQuiet;
    if (isQuiet) return;
    this.#announcedAt = this.#since;
    logGuarded('warn', message);
  }

  /** The condition is over; `message` is told how many seconds it lasted. */
  end(message: (seconds: string) => string): void {
    if (this.#since === undefined) return;
    const seconds = ((this.#now() - this.#since) / 1_000).toFixed(1);
    this.#since = undefined;
    if (this.#isAnnounced) logGuarded('info', () => message(seconds));
  }
}
