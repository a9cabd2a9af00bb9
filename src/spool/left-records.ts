import type { ExecutionRecord } from '../records/execution-record.ts';

/** Records without a number that one segment may have left, about 100 bytes each. */
const MAX_UNNUMBERED = 100;

/**
 * Which records of a segment memory had to let go: a bit for each number between the first and the last of them, so a
 * file of a megabyte costs some hundred bytes. The few without a number are told apart by id and revision.
 */
export class LeftRecords {
  readonly #firstSeq: number;
  #bits = new Uint8Array(64);
  readonly #unnumbered = new Set<string>();

  /** `firstSeq` is the lowest number in the segment. */
  constructor(firstSeq: number) {
    this.#firstSeq = firstSeq;
  }

  /** Notes a record; false where it could not be told from others. */
  add(record: ExecutionRecord): boolean {
    const at = record.seq - this.#firstSeq;
    if (record.seq === 0 || at < 0) {
      if (this.#unnumbered.size >= MAX_UNNUMBERED) return false;
      this.#unnumbered.add(keyOf(record));
      return true;
    }
    const place = Math.floor(at / 8);
    if (place >= this.#bits.length) {
      const bits = new Uint8Array(Math.max(place + 1, this.#bits.length * 2));
      bits.set(this.#bits);
      this.#bits = bits;
    }
    this.#bits[place] = (this.#bits[place] ?? 0) | (1 << (at % 8));
    return true;
  }

  /** Forgets a record; false where it is not one of them. */
  delete(record: ExecutionRecord): boolean {
    const at = record.seq - this.#firstSeq;
    if (record.seq === 0 || at < 0) return this.#unnumbered.delete(keyOf(record));
    const place = Math.floor(at / 8);
    const bits = this.#bits[place] ?? 0;
    const bit = 1 << (at % 8);
    if ((bits & bit) === 0) return false;
    this.#bits[place] = bits & ~bit;
    return true;
  }
}

function keyOf({ recordId, rev }: ExecutionRecord): string {
  return `${recordId} ${rev}`;
}
