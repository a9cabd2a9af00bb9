import type { Lane } from '../export/record-queue.ts';
import type { Segment } from './segment.ts';
import type { SpoolFiles } from './spool-files.ts';

/** Share of the files' bytes that the second lane may take; the rest is kept for the first. */
const SECOND_SHARE = 0.75;
/** Share of what the second lane may take below which it is out of trouble again. */
const EASE = 0.5;

/**
 * Keeps the files below their bound. Full, the oldest file of the second lane goes; from then on records of this lane
 * are to be kept slim; where it has no file to give any more its new records are refused; and when the first lane alone fills the
 * bound, the newest of its records are, since the first failures are the root causes.
 */
export class DiskRoom {
  readonly #maxBytes: number;
  readonly #files: SpoolFiles;
  readonly #evict: (segment: Segment) => void;
  #isTight = false;

  constructor(maxBytes: number, files: SpoolFiles, evict: (segment: Segment) => void) {
    this.#maxBytes = maxBytes;
    this.#files = files;
    this.#evict = evict;
  }

  /** Whether records of the second lane are better kept slim. */
  get isTight(): boolean {
    if (this.#isTight && this.#files.bytesOf('second') < this.#secondMax * EASE) this.#isTight = false;
    return this.#isTight;
  }

  /** Whether so many bytes fit without removing anything. */
  has(bytes: number): boolean {
    return this.#files.bytes + bytes <= this.#maxBytes;
  }

  /** Makes room for so many bytes; false where there is none for this lane. */
  make(lane: Lane, bytes: number): boolean {
    if (lane === 'first') {
      while (!this.has(bytes)) if (!this.evictOldest()) return false;
      return true;
    }
    while (this.#files.bytesOf('second') + bytes > this.#secondMax) {
      const oldest = this.#files.oldestOfSecondLane();
      // The file that is being written is not taken away for the frame that would go into it.
      if (oldest === undefined || !oldest.isSealed) return false;
      this.#give(oldest);
    }
    return true;
  }

  /** Removes the oldest file of the second lane; false where there is none. */
  evictOldest(): boolean {
    const oldest = this.#files.oldestOfSecondLane();
    if (oldest === undefined) return false;
    this.#give(oldest);
    return true;
  }

  /** What the second lane may take, beside what the first has. */
  get #secondMax(): number {
    return Math.min(this.#maxBytes * SECOND_SHARE, this.#maxBytes - this.#files.bytesOf('first'));
  }

  #give(segment: Segment): void {
    this.#isTight = true;
    this.#evict(segment);
  }
}
