import type { DropReason } from '../export/record-exporter.ts';
import type { DropListener } from '../export/record-queue.ts';

/** Records that were dropped together. */
interface DropReport {
  readonly reason: DropReason;
  records: number;
  firstSeq: number;
  lastSeq: number;
}

/**
 * Tells of drops once the work in which they happened is done: whoever is told appends what it is told to the very
 * queue, in the midst of it otherwise.
 */
export class DropReports {
  readonly #listener: DropListener;
  readonly #waiting: DropReport[] = [];
  #isTelling = false;

  constructor(listener: DropListener) {
    this.#listener = listener;
  }

  add(reason: DropReason, records: number, firstSeq: number, lastSeq: number): void {
    const last = this.#waiting.at(-1);
    if (last?.reason !== reason) {
      this.#waiting.push({ reason, records, firstSeq, lastSeq });
      return;
    }
    last.records += records;
    last.firstSeq = lowest(last.firstSeq, firstSeq);
    last.lastSeq = Math.max(last.lastSeq, lastSeq);
  }

  /** Tells of all drops so far. What is dropped meanwhile is told too, not recursively. Never throws. */
  tell(): void {
    if (this.#waiting.length === 0 || this.#isTelling) return;
    this.#isTelling = true;
    for (let report = this.#waiting.shift(); report !== undefined; report = this.#waiting.shift()) {
      try {
        this.#listener(report.reason, report.records, report.firstSeq, report.lastSeq);
      } catch {
        // Whoever counts drops is to count them right; a queue can do no more than tell.
      }
    }
    this.#isTelling = false;
  }
}

/** The lower of two seqs, where 0 is none. */
function lowest(one: number, other: number): number {
  if (one === 0 || other === 0) return Math.max(one, other);
  return Math.min(one, other);
}
