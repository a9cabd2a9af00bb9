import type { Lane } from '../export/record-queue.ts';
import type { SegmentWriter } from './segment-writer.ts';
import type { SpoolFiles } from './spool-files.ts';
import type { ResolvedSpoolOptions } from './spool-options.ts';
import type { WaitingRecords } from './waiting-records.ts';

/** So many records, of so many bytes. */
interface Amount {
  records: number;
  bytes: number;
}

/**
 * Keeps memory below its bounds while files can not be written, or not fast enough: it then holds records and their
 * frames. Full, the oldest step of the second lane goes; when the first lane alone fills it, the newest of that is refused. While the
 * disk is only slow, frames leave memory for files, and bytes alone are bounded.
 */
export class MemoryRoom {
  readonly #options: ResolvedSpoolOptions;
  readonly #files: SpoolFiles;
  readonly #writer: SegmentWriter;
  readonly #waiting: WaitingRecords;

  constructor(
    options: ResolvedSpoolOptions,
    files: SpoolFiles,
    writer: SegmentWriter,
    waiting: WaitingRecords,
  ) {
    this.#options = options;
    this.#files = files;
    this.#writer = writer;
    this.#waiting = waiting;
  }

  /** Share of the room that is taken. */
  get fill(): number {
    const { records, bytes } = this.#left('second');
    const most = this.#most;
    const ofRecords = Number.isFinite(records) ? 1 - records / most.records : 0;
    return Math.min(1, Math.max(0, ofRecords, 1 - bytes / most.bytes));
  }

  /** Whether so many bytes fit without dropping anything. */
  has(bytes: number): boolean {
    return this.#left('first').bytes >= bytes;
  }

  /** Makes room for a record of so many bytes; false where all that could go would not be enough. */
  make(lane: Lane, bytes: number): boolean {
    const most = this.#left(lane);
    const { records, bytes: inMemory } = this.#waiting.stepsInMemory;
    most.records += records;
    most.bytes += inMemory;
    for (const { tail, lane: name, unread, bytes: length } of this.#files.all()) {
      if (tail === undefined || name === 'first') continue;
      most.records += unread.records;
      most.bytes += length;
    }
    if (most.records < 1 || most.bytes < bytes) return false;
    return this.#freeUntil(lane, 1, bytes);
  }

  /** Drops what is too much, after records in flight came back. */
  trim(): void {
    this.#freeUntil('second', 0, 0);
  }

  #freeUntil(lane: Lane, records: number, bytes: number): boolean {
    for (;;) {
      const left = this.#left(lane);
      if (left.records >= records && left.bytes >= bytes) return true;
      if (!this.#waiting.freeOldestStep()) return false;
    }
  }

  get #most(): Amount {
    const { maxQueueSize, maxQueueBytes } = this.#options;
    const records = this.#writer.diskState === 'failing' ? maxQueueSize : Number.POSITIVE_INFINITY;
    return { records, bytes: 2 * maxQueueBytes };
  }

  #left(lane: Lane): Amount {
    const left = this.#most;
    const { records, bytes } = this.#waiting.inMemory;
    left.records -= records;
    left.bytes -= bytes;
    for (const { tail, unread, bytes: length } of this.#files.all()) {
      if (tail === undefined) continue;
      left.records -= unread.records;
      left.bytes -= length;
    }
    if (lane === 'second') return left;
    // Steps in flight can not be taken back: the first lane is let in over their head.
    const inFlight = this.#waiting.stepsInFlight;
    return { records: left.records + inFlight.records, bytes: left.bytes + inFlight.bytes };
  }
}
