import type { DropReason } from '../export/record-exporter.ts';
import type { DropListener } from '../export/record-queue.ts';

/** Records that were dropped together. */
interface DropReport {
  readonly reason: DropReason;
  readonly records: number;
  readonly firstSeq: number;
  readonly lastSeq: number;
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
    this.#waiting.push({ reason, records, firstSeq, lastSeq });
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
