import type { Moment } from '../execution.ts';

const HEAD = 150;
const TAIL = 50;

/**
 * The moments of one execution, bounded: the first 150 explain how it began, the last 50 how it ended. Made by
 * the first moment only.
 */
export class Timeline {
  #total = 0;
  #last: Moment | undefined;
  readonly #head: Moment[] = [];
  readonly #tail: Moment[] = [];

  get total(): number {
    return this.#total;
  }

  add(kind: Moment['kind'], ref: string | undefined, at: number): void {
    const moment: Moment = ref === undefined ? { at, kind } : { at, kind, ref };
    // Heartbeats in a row are one moment, the newest: a beat a second must not push out what happened.
    if (kind === 'heartbeat' && this.#last?.kind === 'heartbeat') this.#total--;
    this.#last = moment;
    this.#put(moment);
    this.#total++;
  }

  #put(moment: Moment): void {
    if (this.#total < HEAD) this.#head[this.#total] = moment;
    else this.#tail[(this.#total - HEAD) % TAIL] = moment;
  }

  moments(): readonly Moment[] {
    const first = this.#total > HEAD + TAIL ? (this.#total - HEAD) % TAIL : 0;
    return [...this.#head, ...this.#tail.slice(first), ...this.#tail.slice(0, first)];
  }

  /** Goes on with the timeline of an execution that was detached. */
  static from(moments: readonly Moment[], total: number): Timeline {
    const timeline = new Timeline();
    for (const { at, kind, ref } of moments) timeline.add(kind, ref, at);
    timeline.#total = Math.max(timeline.#total, total);
    return timeline;
  }
}
