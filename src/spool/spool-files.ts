import { closeSync, unlink } from 'node:fs';
import { logGuarded } from '../export/guarded-log.ts';
import type { Lane } from '../export/record-queue.ts';
import type { Segment } from './segment.ts';

/** The segments of this instance and of those it has taken over: how many bytes they have, and when they can go. */
export class SpoolFiles {
  readonly #segments = new Map<number, Segment>();
  readonly #bytes: Record<Lane, number> = { first: 0, second: 0 };
  #lastId = 0;
  #startsStoredAt = 0;
  #unlinkErrors = 0;

  /** Bytes of all files. */
  get bytes(): number {
    return this.#bytes.first + this.#bytes.second;
  }

  bytesOf(lane: Lane): number {
    return this.#bytes[lane];
  }

  nextId(): number {
    return ++this.#lastId;
  }

  get(id: number): Segment | undefined {
    return this.#segments.get(id);
  }

  all(): Iterable<Segment> {
    return this.#segments.values();
  }

  add(segment: Segment): void {
    this.#segments.set(segment.id, segment);
    this.#bytes[segment.lane] += segment.bytes;
  }

  grow(segment: Segment, bytes: number): void {
    segment.bytes += bytes;
    this.#bytes[segment.lane] += bytes;
  }

  /** Is told that nothing more is added to a segment. */
  seal(segment: Segment): void {
    segment.isSealed = true;
    if (segment.fd !== undefined) {
      const { fd } = segment;
      segment.fd = undefined;
      try {
        closeSync(fd);
      } catch {
        // Closed or not, it is not used again.
      }
    }
    this.collect(segment);
  }

  /** What started or was lost before `time` is known to the store. */
  startsStored(time: number): void {
    if (time <= this.#startsStoredAt) return;
    this.#startsStoredAt = time;
    for (const segment of this.#segments.values()) this.collect(segment);
  }

  /** Whether anybody needs a segment, now or after a crash. */
  isNeeded(segment: Segment): boolean {
    return segment.unsettled.records > 0 || segment.lastNoteAt >= Math.max(this.#startsStoredAt, 1);
  }

  /** Removes a segment of this instance that nobody needs any more. Those taken over go all at once: see `forget`. */
  collect(segment: Segment): void {
    if (!segment.isSealed || segment.heir !== undefined || this.isNeeded(segment)) return;
    this.removeFile(segment);
    this.#segments.delete(segment.id);
  }

  /** Removes the file, and keeps what is known of its records in memory. */
  removeFile(segment: Segment): void {
    if (!segment.hasFile) return;
    segment.hasFile = false;
    this.#bytes[segment.lane] -= segment.bytes;
    unlink(segment.path, (error) => {
      if (error !== null && error.code !== 'ENOENT' && this.#unlinkErrors++ === 0) {
        logGuarded('warn', () => `a file of the spool can not be removed (${error.code})`);
      }
    });
  }

  /** Leaves a segment out, whose file is somebody else's to remove. */
  drop(segment: Segment): void {
    if (segment.hasFile) this.#bytes[segment.lane] -= segment.bytes;
    segment.hasFile = false;
    this.#segments.delete(segment.id);
  }

  /** The oldest segment of the second lane that has a file, sealed or not. */
  oldestOfSecondLane(): Segment | undefined {
    let oldest: Segment | undefined;
    for (const segment of this.#segments.values()) {
      if (segment.lane !== 'second' || !segment.hasFile) continue;
      if (oldest === undefined || segment.openedAt < oldest.openedAt) oldest = segment;
    }
    return oldest;
  }
}
