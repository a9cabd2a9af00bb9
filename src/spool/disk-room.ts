import type { Lane } from '../export/record-queue.ts';
import type { Segment } from './segment.ts';
import type { SpoolFiles } from './spool-files.ts';

/** Share of the files' bytes that the second lane may take; the rest is kept for the first. */
const SECOND_SHARE = 0.75;
/** Share that what has started may take: of what never ends, the oldest goes before any record does. */
const STARTS_SHARE = 0.125;
/** Share of what the second lane may take below which it is out of trouble again. */
const EASE = 0.5;

/** A frame may need a new file, which begins with a header. Bytes. */
const HEADER_BYTES = 1_024;

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
    this.#maxBytes = maxBytes - HEADER_BYTES;
    this.#files = files;
    this.#evict = evict;
  }

  /** Whether records of the second lane are better kept slim. */
  get isTight(): boolean {
    if (this.#isTight && this.#files.bytesOf('second') < this.#secondMax * EASE) this.#isTight = false;
    return this.#isTight;
  }

  /** Share of the room that is taken, for whichever lane it is scarcer. */
  get fill(): number {
    const second = this.#files.bytesOf('second') / Math.max(1, this.#secondMax);
    return Math.min(1, Math.max(second, this.#files.bytes / this.#maxBytes));
  }

  /** Whether so many bytes fit without removing anything. */
  has(bytes: number): boolean {
    return this.#files.bytes + bytes <= this.#maxBytes;
  }

  /** Makes room for so many bytes of a start; false where there is none. Records are never removed for it. */
  makeForStart(bytes: number): boolean {
    while (this.#files.startBytes + bytes > this.#maxBytes * STARTS_SHARE) {
      const oldest = this.#files.oldestStarts();
      if (oldest === undefined) return false;
      this.#files.evict(oldest);
      this.#files.drop(oldest);
    }
    return this.has(bytes);
  }

  /** Makes room for so many bytes; false where there is none for this lane. */
  make(lane: Lane, bytes: number): boolean {
    const isShort = (): boolean =>
      lane === 'first' ? !this.has(bytes) : this.#files.bytesOf('second') + bytes > this.#secondMax;
    while (isShort()) if (!this.evictFor(lane)) return false;
    return true;
  }

  /** Removes the oldest file of the second lane for a frame of a lane; false where there is none to give. */
  evictFor(lane: Lane): boolean {
    const oldest = this.#files.oldestOfSecondLane();
    // The file that is being written is not taken away for the frame that would go into it.
    if (oldest === undefined || (lane === 'second' && !oldest.isSealed)) return false;
    this.#isTight = true;
    this.#evict(oldest);
    return true;
  }

  /** What the second lane may take, beside what the first has. */
  get #secondMax(): number {
    return Math.min(this.#maxBytes * SECOND_SHARE, this.#maxBytes - this.#files.bytesOf('first'));
  }
}
