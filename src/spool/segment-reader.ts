import { closeSync, constants, openSync, readSync } from 'node:fs';
import { FRAME_HEADER_BYTES, type FrameKind, MAX_BODY_BYTES, visitFrames } from './frame.ts';
import type { Segment } from './segment.ts';

/** How much is read at once: parsing it takes about a millisecond. */
const CHUNK_BYTES = 128 * 1024;
const LONGEST_FRAME = FRAME_HEADER_BYTES + MAX_BODY_BYTES;

/** Is given a frame that was read, its body as text. */
export type FrameListener = (kind: FrameKind, seq: number, body: string) => void;

/** Reads what is on disk alone of segments, a chunk at a time, and blocks for that long. */
export class SegmentReader {
  readonly #chunk = Buffer.allocUnsafeSlow(CHUNK_BYTES);

  /** Reads on in a segment and moves its `unreadFrom`; false at its end. Throws what the file system does. */
  read(segment: Segment, listener: FrameListener): boolean {
    if (segment.tail !== undefined) return this.#readTail(segment, segment.tail, listener);
    const fd = openSync(segment.path, constants.O_RDONLY | constants.O_NOFOLLOW);
    try {
      for (let size = CHUNK_BYTES; ; size = Math.min(size * 2, LONGEST_FRAME)) {
        const wanted = Math.min(size, segment.bytes - segment.unreadFrom);
        if (wanted <= 0) return false;
        const buffer = wanted > CHUNK_BYTES ? Buffer.allocUnsafeSlow(wanted) : this.#chunk;
        const length = readSync(fd, buffer, 0, wanted, segment.unreadFrom);
        if (length === 0) return false;
        const bytes = buffer.subarray(0, length);
        const isLast = segment.unreadFrom + length >= segment.bytes || size === LONGEST_FRAME;
        const done = deliver(bytes, isLast, listener);
        segment.unreadFrom += isLast ? length : done;
        if (done > 0 || isLast) return true;
      }
    } finally {
      closeSync(fd);
    }
  }

  #readTail(segment: Segment, tail: Buffer, listener: FrameListener): boolean {
    for (let size = CHUNK_BYTES; ; size *= 2) {
      const end = Math.min(segment.unreadFrom + size, segment.bytes);
      if (end <= segment.unreadFrom) return false;
      const isLast = end === segment.bytes;
      const done = deliver(tail.subarray(segment.unreadFrom, end), isLast, listener);
      segment.unreadFrom = isLast ? end : segment.unreadFrom + done;
      if (done > 0 || isLast) return true;
    }
  }
}

function deliver(bytes: Buffer, isLast: boolean, listener: FrameListener): number {
  return visitFrames(bytes, isLast, {
    frame: (kind, seq, from, to) =>
      listener(kind, seq, bytes.toString('utf8', from + FRAME_HEADER_BYTES, to)),
    // What is missing in the end is known by its number.
    damaged: () => undefined,
  });
}
