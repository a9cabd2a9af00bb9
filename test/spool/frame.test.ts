import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { FRAME_HEADER_BYTES, FrameEncoder, type FrameKind, visitFrames } from '../../src/spool/frame.ts';

interface Frame {
  readonly kind: FrameKind;
  readonly seq: number;
  readonly body: string;
}

interface Found {
  readonly frames: readonly Frame[];
  readonly damagedBytes: number;
  readonly damagedRecords: number;
  /** Bytes dealt with. */
  readonly done: number;
}

const encoder = new FrameEncoder();

function encoded({ kind, seq, body }: Frame): Buffer {
  const length = encoder.encode(kind, seq, body);
  return Buffer.from(encoder.bytes.subarray(0, length));
}

function find(bytes: Buffer, isLast = true): Found {
  const frames: Frame[] = [];
  let damagedBytes = 0;
  let damagedRecords = 0;
  const done = visitFrames(bytes, isLast, {
    frame: (kind, seq, from, to) =>
      frames.push({ kind, seq, body: bytes.toString('utf8', from + FRAME_HEADER_BYTES, to) }),
    damaged: (count, records) => {
      damagedBytes += count;
      damagedRecords += records;
    },
  });
  return { frames, damagedBytes, damagedRecords, done };
}

/** Frames of a segment of 64 KB: bodies of all lengths from empty to two kilobytes, in four scripts. */
const SEGMENT: readonly Frame[] = Array.from({ length: 64 }, (_, at) => {
  const text = ['x', 'é', '中', '🦊'][at % 4] ?? '';
  return {
    kind: 'record',
    seq: at === 0 ? 0 : at,
    body: JSON.stringify({ at, text: text.repeat((at * 8) % 507) }),
  };
});
const PIECES = SEGMENT.map(encoded);
const BYTES = Buffer.concat(PIECES);
const ENDS = PIECES.map((_, at) => PIECES.slice(0, at + 1).reduce((sum, { length }) => sum + length, 0));

describe('frames', () => {
  it('are read as they were written, whatever they hold', () => {
    const frame = fc.record({
      kind: fc.constantFrom<FrameKind>('header', 'record', 'running', 'start', 'loss', 'refusal'),
      seq: fc.oneof(fc.constant(0), fc.integer({ min: 1, max: 2 ** 48 - 1 })),
      body: fc.string({ unit: 'grapheme', maxLength: 300 }),
    });
    fc.assert(
      fc.property(fc.array(frame, { maxLength: 20 }), (frames) => {
        const bytes = Buffer.concat(frames.map(encoded));
        expect(find(bytes)).toEqual({ frames, damagedBytes: 0, damagedRecords: 0, done: bytes.length });
      }),
    );
  });

  it('grow beyond any usual record', () => {
    const frame: Frame = { kind: 'record', seq: 1, body: '🦊'.repeat(500_000) };
    const [found] = find(encoded(frame)).frames;
    expect(found?.body === frame.body).toBe(true);
  });

  it('are refused where nobody would read them again', () => {
    expect(encoder.encode('record', 1, 'x'.repeat(17 * 1024 * 1024))).toBe(0);
  });

  it('are kept up to a tear, at every byte of a segment', () => {
    expect(BYTES.length).toBeGreaterThan(40_000);
    let whole = 0;
    for (let cut = 0; cut <= BYTES.length; cut++) {
      if (cut === ENDS[whole]) whole++;
      const { frames, damagedBytes, done } = find(BYTES.subarray(0, cut));
      const isRight = frames.length === whole && damagedBytes === 0 && done === (ENDS[whole - 1] ?? 0);
      if (!isRight)
        throw new Error(`cut at ${cut}: ${frames.length} frames, ${damagedBytes} damaged, ${done} done`);
    }
    expect(whole).toBe(SEGMENT.length);
    expect(find(BYTES.subarray(0, 30_000)).frames).toEqual(
      SEGMENT.slice(0, ENDS.filter((end) => end <= 30_000).length),
    );
  });

  it('are all found but the one that a bit was turned in, for every bit of a segment', () => {
    const bodies = new Set(SEGMENT.map(({ body }) => body));
    let flips = 0;
    for (const [at, piece] of PIECES.entries()) {
      // What is read of a frame depends on nothing before it and on no more than the next one after it.
      const [before, after] = [PIECES[at - 1] ?? encoded(SEGMENT[0] as Frame), PIECES[at + 1]];
      const bytes = Buffer.concat(after === undefined ? [before, piece] : [before, piece, after]);
      const others = after === undefined ? 1 : 2;
      for (let bit = 0; bit < piece.length * 8; bit++, flips++) {
        const byte = before.length + (bit >> 3);
        bytes[byte] = (bytes[byte] ?? 0) ^ (1 << (bit & 7));
        const found = find(bytes);
        bytes[byte] = (bytes[byte] ?? 0) ^ (1 << (bit & 7));
        const isTorn = after === undefined && found.done < bytes.length;
        const isRight =
          found.frames.length === others &&
          found.frames.every(({ body }) => bodies.has(body)) &&
          (isTorn
            ? found.damagedRecords === 0
            : found.damagedRecords === 1 && found.damagedBytes === piece.length);
        if (!isRight) throw new Error(`frame ${at}, bit ${bit}: ${JSON.stringify(found).slice(0, 300)}`);
      }
    }
    expect(flips).toBe(BYTES.length * 8);
  });

  it('are found behind garbage, and garbage is no frame', () => {
    const frame: Frame = { kind: 'record', seq: 7, body: '{"name":"load"}' };
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), fc.uint8Array({ maxLength: 200 }), (before, after) => {
        const bytes = Buffer.concat([before, encoded(frame), after]);
        const { frames, damagedBytes, done } = find(bytes);
        expect(frames).toEqual([frame]);
        expect(damagedBytes).toBeGreaterThanOrEqual(before.length);
        expect(done).toBeLessThanOrEqual(bytes.length);
      }),
    );
  });

  it('are the same in pieces of any size', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 5_000 }), (size) => {
        const frames: Frame[] = [];
        let from = 0;
        for (let to = size; from < BYTES.length; to += size) {
          const isLast = to >= BYTES.length;
          const found = find(BYTES.subarray(from, Math.min(to, BYTES.length)), isLast);
          expect(found.damagedBytes).toBe(0);
          frames.push(...found.frames);
          from += found.done;
        }
        expect(frames).toEqual(SEGMENT);
      }),
      { numRuns: 30 },
    );
  });
});
