import type { ForeignSpanNode } from './foreign-span-node.ts';

interface Held {
  readonly spans: ForeignSpanNode[];
  /** On the clock of `performance.now()`. */
  readonly since: number;
}

/** What a list of held spans waits for: a span that has not ended, or the id of one that was not seen starting. */
export type HeldFor = ForeignSpanNode | string;

/** Ended spans that wait for the end of another one, bounded by count and by time. */
export class HeldSpans {
  readonly #maxSpans: number;
  readonly #maxMillis: number;
  readonly #settle: (spans: readonly ForeignSpanNode[]) => void;
  /** First to be held first. */
  readonly #held = new Map<HeldFor, Held>();
  #count = 0;
  #timer: NodeJS.Timeout | undefined;

  /** `settle` takes what waits no longer. */
  constructor(maxSpans: number, maxMillis: number, settle: (spans: readonly ForeignSpanNode[]) => void) {
    this.#maxSpans = maxSpans;
    this.#maxMillis = maxMillis;
    this.#settle = settle;
  }

  get count(): number {
    return this.#count;
  }

  hold(heldFor: HeldFor, spans: readonly ForeignSpanNode[]): void {
    const held = this.#held.get(heldFor);
    if (held === undefined) this.#held.set(heldFor, { spans: [...spans], since: performance.now() });
    else for (const span of spans) held.spans.push(span);
    this.#count += spans.length;
    while (this.#count > this.#maxSpans) this.#settleOldest();
    this.#timer ??= setTimeout(() => this.#settleOverdue(), this.#maxMillis).unref();
  }

  /** What waited for this, first to end first. */
  take(heldFor: HeldFor): readonly ForeignSpanNode[] {
    const held = this.#held.get(heldFor);
    if (held === undefined) return [];
    this.#held.delete(heldFor);
    this.#count -= held.spans.length;
    return held.spans;
  }

  settleAll(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    while (this.#held.size > 0) this.#settleOldest();
  }

  #settleOldest(): void {
    for (const oldest of this.#held.keys()) {
      this.#settle(this.take(oldest));
      return;
    }
  }

  #settleOverdue(): void {
    this.#timer = undefined;
    const now = performance.now();
    for (const [heldFor, { since }] of this.#held) {
      if (now - since < this.#maxMillis) break;
      this.#settle(this.take(heldFor));
    }
    if (this.#held.size > 0) this.#timer = setTimeout(() => this.#settleOverdue(), this.#maxMillis).unref();
  }
}
