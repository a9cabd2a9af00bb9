import { visitFrames } from './frame.ts';
import type { Segment } from './segment.ts';

const FIRST_CAPACITY = 16 * 1_024;

/** Begins a segment in memory. */
export function startTail(segment: Segment, header: Buffer): void {
  segment.tail = Buffer.allocUnsafeSlow(FIRST_CAPACITY);
  appendToTail(segment, header);
}

/** Adds a frame to a segment in memory, whose buffer grows with it. */
export function appendToTail(segment: Segment, frame: Buffer): void {
  let tail = segment.tail ?? Buffer.allocUnsafeSlow(FIRST_CAPACITY);
  const end = segment.bytes + frame.length;
  if (end > tail.length) {
    tail = Buffer.allocUnsafeSlow(Math.max(end, tail.length * 2));
    segment.tail?.copy(tail, 0, 0, segment.bytes);
  }
  segment.tail = tail;
  frame.copy(tail, segment.bytes);
  segment.bytes = end;
}

/** Takes off what a segment in memory has from `from` on. */
export function cutTail(segment: Segment, from: number): void {
  segment.bytes = Math.min(segment.bytes, from);
}

/** Takes out the frames of records that were dropped, before a segment is written to a file. */
export function withoutDropped(segment: Segment): void {
  const { tail, droppedSeqs, bytes } = segment;
  if (tail === undefined || droppedSeqs === undefined) return;
  const kept = Buffer.allocUnsafeSlow(bytes);
  let end = 0;
  let { unreadFrom } = segment;
  visitFrames(tail.subarray(0, bytes), true, {
    frame(kind, seq, from, to) {
      if (kind === 'record' && droppedSeqs.has(seq)) {
        if (from < segment.unreadFrom) unreadFrom -= to - from;
        return;
      }
      end += tail.copy(kept, end, from, to);
    },
    damaged: () => undefined,
  });
  Object.assign(segment, { tail: kept, bytes: end, unreadFrom, droppedSeqs: undefined });
}
