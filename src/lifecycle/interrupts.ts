/** An interrupt that is not resumed yet. */
export interface OpenInterrupt {
  readonly id: string;
  /** What is waited for: `approval`, `human`, `tool`. */
  readonly kind: string;
  /** Milliseconds since the Unix epoch. */
  readonly at: number;
}

/** Open interrupts an execution keeps; more are counted, and suspend it, but can not be resumed one by one. */
const MAX_OPEN = 1_000;

/**
 * The interrupts of one execution. They may nest and overlap: an execution is suspended from the first open one to
 * the last resume, and that time counts once. Wall-clock milliseconds, because an interrupt may outlive a process.
 */
export class Interrupts {
  #count: number;
  #suspendedMs: number;
  #open: OpenInterrupt[];
  #since: number | undefined;

  constructor(count = 0, suspendedMs = 0, open: readonly OpenInterrupt[] = [], since?: number) {
    this.#count = count;
    this.#suspendedMs = suspendedMs;
    this.#open = [...open];
    this.#since = since;
  }

  get count(): number {
    return this.#count;
  }

  get open(): readonly OpenInterrupt[] {
    return this.#open;
  }

  /** When the suspension under way began. */
  get since(): number | undefined {
    return this.#since;
  }

  get isSuspended(): boolean {
    return this.#since !== undefined;
  }

  suspendedMs(now: number): number {
    return this.#suspendedMs + (this.#since === undefined ? 0 : Math.max(0, now - this.#since));
  }

  /** Suspends without an interrupt, until `close`. */
  hold(now: number): void {
    this.#since ??= now;
  }

  /** Opens one. True when it suspends the execution. */
  interrupt(id: string, kind: string, now: number): boolean {
    this.#count++;
    if (this.#open.length < MAX_OPEN) this.#open.push({ id, kind, at: now });
    if (this.#since !== undefined) return false;
    this.#since = now;
    return true;
  }

  /** Closes the newest one with this id and returns it; undefined where none is open. */
  resume(id: string, now: number): OpenInterrupt | undefined {
    const index = this.#open.findLastIndex((interrupt) => interrupt.id === id);
    if (index === -1) return undefined;
    const [closed] = this.#open.splice(index, 1);
    if (this.#open.length === 0) this.#settle(now);
    return closed;
  }

  /** Closes all that are open and returns them. */
  close(now: number): readonly OpenInterrupt[] {
    const closed = this.#open;
    this.#open = [];
    this.#settle(now);
    return closed;
  }

  #settle(now: number): void {
    this.#suspendedMs = this.suspendedMs(now);
    this.#since = undefined;
  }
}
