import { crc32 } from 'node:zlib';

/**
 * What a frame holds. `header`: which instance wrote the file. `record`: a record as it was appended, `running`: one that
 * says what runs. `start`: an execution that began, for the case that its end is never seen. `loss`: records that are
 * lost, told to whoever adopts. `refusal`: a record in quarantine, alone in its file.
 */
export type FrameKind = 'header' | 'record' | 'running' | 'start' | 'loss' | 'refusal';

/** Bytes before the body: magic 2, version 1, kind 1, length of the body 4, CRC-32 4, seq 6; big-endian. */
export const FRAME_HEADER_BYTES = 18;
/** A longer body is not written, and a longer length is not believed. */
export const MAX_BODY_BYTES = 16 * 1024 * 1024;

/** The first byte never occurs in UTF-8, so in no body: where it is found again, a frame may begin. */
const MAGIC = 0xfe4c;
const MAGIC_START = MAGIC >> 8;
const VERSION = 1;
/** Two bits apart, so that none turns into another by a single one. */
const KIND_CODES: Readonly<Record<FrameKind, number>> = {
  header: 1,
  record: 2,
  running: 4,
  start: 7,
  loss: 8,
  refusal: 11,
};
const KINDS = new Map(Object.entries(KIND_CODES).map(([kind, code]) => [code, kind as FrameKind]));
/** What the CRC covers begins here: the seq and the body. It starts from the kind, so that this is covered too. */
const CRC_FROM = 12;
const SEQ_UNIT = 2 ** 32;
const FIRST_CAPACITY = 128 * 1024;

/** Writes frames, one at a time, into a buffer that is used again for the next. */
export class FrameEncoder {
  #bytes: Buffer;

  /** `capacity` is what it begins with; it grows with the frames. */
  constructor(capacity = FIRST_CAPACITY) {
    this.#bytes = Buffer.allocUnsafeSlow(capacity);
  }

  /** The bytes of the frame that was written last, from 0; valid until the next. */
  get bytes(): Buffer {
    return this.#bytes;
  }

  /** Writes a frame and returns its length, 0 where the body is too long. `seq` is 0 for what has none. */
  encode(kind: FrameKind, seq: number, body: string): number {
    // Three bytes a code unit is the most that UTF-8 takes.
    if (FRAME_HEADER_BYTES + body.length * 3 > this.#bytes.length) {
      const bytes = FRAME_HEADER_BYTES + Buffer.byteLength(body);
      if (bytes > MAX_BODY_BYTES) return 0;
      if (bytes > this.#bytes.length) this.#bytes = Buffer.allocUnsafeSlow(bytes * 2);
    }
    const bytes = this.#bytes;
    const code = KIND_CODES[kind];
    const length = bytes.write(body, FRAME_HEADER_BYTES);
    bytes.writeUInt16BE(MAGIC, 0);
    bytes[2] = VERSION;
    bytes[3] = code;
    bytes.writeUInt32BE(length, 4);
    bytes.writeUInt16BE(Math.floor(seq / SEQ_UNIT), 12);
    bytes.writeUInt32BE(seq % SEQ_UNIT, 14);
    const end = FRAME_HEADER_BYTES + length;
    bytes.writeUInt32BE(crc32(bytes.subarray(CRC_FROM, end), code), 8);
    return end;
  }
}

/** Is told what bytes hold. */
export interface FrameVisitor {
  /** A frame, at `from` up to `to`; its body is `bytes.toString('utf8', from + FRAME_HEADER_BYTES, to)`. */
  frame(kind: FrameKind, seq: number, from: number, to: number): void;
  /** Bytes that are no frames any more, and how many records they held, at a guess. */
  damaged(bytes: number, records: number): void;
}

/**
 * Finds the frames in bytes, in order, and skips what is damaged. Returns how many bytes it has dealt with; where
 * `isLast` is false the rest is to be given again with what follows. The torn end of a last write, which nobody
 * was promised, is left over.
 */
export function visitFrames(bytes: Buffer, isLast: boolean, visitor: FrameVisitor): number {
  let at = 0;
  while (at < bytes.length) {
    const end = frameEnd(bytes, at);
    const kind = kindAt(bytes, at);
    if (kind !== undefined && end !== undefined && end <= bytes.length && isIntact(bytes, at, end)) {
      visitor.frame(kind, seqAt(bytes, at), at, end);
      at = end;
      continue;
    }
    const isIncomplete = end === undefined ? isStartOfHeader(bytes, at) : end > bytes.length;
    if (isIncomplete && !isLast) return at;
    const next = nextFrame(bytes, at + 1);
    if (next === undefined && (isIncomplete || !isLast)) return at;
    const to = next ?? bytes.length;
    visitor.damaged(to - at, recordsBetween(bytes, at, to));
    at = to;
  }
  return at;
}

/** Whether bytes begin with a frame of a version that this one does not know. */
export function isFromNewerVersion(bytes: Buffer): boolean {
  return bytes.length > 2 && bytes.readUInt16BE(0) === MAGIC && (bytes[2] ?? 0) > VERSION;
}

/** Where the frame at a position ends by its own account; undefined where there is no header that makes sense. */
function frameEnd(bytes: Buffer, at: number): number | undefined {
  if (at + FRAME_HEADER_BYTES > bytes.length || !isStartOfHeader(bytes, at)) return undefined;
  const length = bytes.readUInt32BE(at + 4);
  return length > MAX_BODY_BYTES ? undefined : at + FRAME_HEADER_BYTES + length;
}

/** Whether what there is of a header looks like one, if it is cut off. */
function isStartOfHeader(bytes: Buffer, at: number): boolean {
  const left = bytes.length - at;
  if (bytes[at] !== MAGIC_START || (left > 1 && bytes[at + 1] !== (MAGIC & 0xff))) return false;
  if (left > 2 && bytes[at + 2] !== VERSION) return false;
  return left <= 3 || kindAt(bytes, at) !== undefined;
}

function kindAt(bytes: Buffer, at: number): FrameKind | undefined {
  return KINDS.get(bytes[at + 3] ?? 0);
}

function isIntact(bytes: Buffer, at: number, end: number): boolean {
  return crc32(bytes.subarray(at + CRC_FROM, end), bytes[at + 3] ?? 0) === bytes.readUInt32BE(at + 8);
}

function seqAt(bytes: Buffer, at: number): number {
  return bytes.readUInt16BE(at + 12) * SEQ_UNIT + bytes.readUInt32BE(at + 14);
}

/** Where the next intact frame begins. */
function nextFrame(bytes: Buffer, from: number): number | undefined {
  for (let at = bytes.indexOf(MAGIC_START, from); at !== -1; at = bytes.indexOf(MAGIC_START, at + 1)) {
    const end = frameEnd(bytes, at);
    if (end !== undefined && end <= bytes.length && isIntact(bytes, at, end)) return at;
  }
  return undefined;
}

/** How many records a damaged stretch held: by the headers that can still be followed, and one for what can not. */
function recordsBetween(bytes: Buffer, from: number, to: number): number {
  let records = 0;
  let at = from;
  while (at < to) {
    const end = frameEnd(bytes, at);
    if (end === undefined || end > to || (end < to && !isStartOfHeader(bytes, end))) return records + 1;
    if (kindAt(bytes, at) === 'record') records++;
    at = end;
  }
  return records;
}
