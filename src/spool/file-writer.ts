import { closeSync, constants, ftruncateSync, openSync, unlink, writeSync } from 'node:fs';
import { join } from 'node:path';
import { untraced } from '../export/untraced.ts';
import { type Placed, type Segment, SLOTS, type Slot, segmentName } from './segment.ts';
import type { SegmentSync } from './segment-sync.ts';
import type { SpoolFiles } from './spool-files.ts';
import type { ResolvedSpoolOptions } from './spool-options.ts';

/** What writers of segments need of the instance they write for. Paths are made when they are asked for, and that may throw. */
export interface WriterParts {
  readonly options: ResolvedSpoolOptions;
  readonly files: SpoolFiles;
  newSegment(slot: Slot): Segment;
  /** The first frame of a segment; valid until the next. */
  header(segment: Segment): Buffer;
  directory(): string;
  nextNumber(): number;
}

/** Makes room on a full disk by removing the oldest segment of the second lane; false where there is none. */
export type MakeRoom = () => boolean;

/** Never the file of another: what is there already is an error. */
export const NEW_FILE: number =
  constants.O_CREAT | constants.O_EXCL | constants.O_WRONLY | constants.O_APPEND | constants.O_NOFOLLOW;

/** Adds frames to files, one open for each slot, while the application waits. Throws what the file system does. */
export class FileWriter {
  readonly #parts: WriterParts;
  readonly #sync: SegmentSync | undefined;
  readonly #open: Partial<Record<Slot, Segment | undefined>> = {};

  constructor(parts: WriterParts, sync: SegmentSync | undefined) {
    this.#parts = parts;
    this.#sync = sync;
  }

  /** Adds a frame. When it throws, nothing of the frame is in the file. */
  add(slot: Slot, bytes: Buffer, length: number): Placed {
    const open = this.#open[slot];
    const segment = open === undefined || this.#isFinished(open) ? this.#next(slot) : open;
    const from = segment.bytes;
    this.#write(segment, bytes, length);
    return { segment, from };
  }

  /** Writes frames of another segment again, in a new file. */
  repeat(original: Segment, frames: Buffer): void {
    const segment = this.#next(original.slot);
    segment.repeats = original;
    segment.lastStartAt = original.lastStartAt;
    segment.lastLossNo = original.lastLossNo;
    this.#write(segment, frames, frames.length);
  }

  seal(slot: Slot): void {
    const segment = this.#open[slot];
    if (segment === undefined) return;
    this.#open[slot] = undefined;
    this.#sync?.seal(segment);
    this.#parts.files.seal(segment);
  }

  /** Seals what has been open for long, so that an idle process keeps no files. */
  sealOld(): void {
    for (const slot of SLOTS) {
      const segment = this.#open[slot];
      if (segment !== undefined && this.#isFinished(segment)) this.seal(slot);
    }
  }

  #isFinished({ bytes, openedTick, isSealed }: Segment): boolean {
    const { segmentBytes, segmentMillis, now } = this.#parts.options;
    return isSealed || bytes >= segmentBytes || now() - openedTick >= segmentMillis;
  }

  /** Opens a file; nobody's instrumentation of the file system is to make a span of that. */
  #next(slot: Slot): Segment {
    return untraced(() => this.#openNext(slot));
  }

  #openNext(slot: Slot): Segment {
    this.seal(slot);
    const { files } = this.#parts;
    const segment = this.#parts.newSegment(slot);
    segment.path = join(this.#parts.directory(), segmentName(slot, this.#parts.nextNumber()));
    const fd = openSync(segment.path, NEW_FILE, 0o600);
    try {
      const header = this.#parts.header(segment);
      writeAll(fd, header, header.length);
      segment.bytes = header.length;
    } catch (error) {
      closeSync(fd);
      unlink(segment.path, () => undefined);
      throw error;
    }
    segment.fd = fd;
    segment.hasFile = true;
    files.add(segment);
    this.#open[slot] = segment;
    return segment;
  }

  #write(segment: Segment, bytes: Buffer, length: number): void {
    const { fd } = segment;
    if (fd === undefined) throw Object.assign(new Error('the file is closed'), { code: 'EBADF' });
    try {
      writeAll(fd, bytes, length);
    } catch (error) {
      this.#cutOff(segment, fd, (error as NodeJS.ErrnoException).code);
      throw error;
    }
    this.#parts.files.grow(segment, length);
    this.#sync?.wrote(segment, bytes, length);
  }

  /** Leaves nothing behind of a frame that was written in part; where that fails too, the file is not used again. */
  #cutOff(segment: Segment, fd: number, code: string | undefined): void {
    try {
      ftruncateSync(fd, segment.bytes);
      // Of a file that must not grow there is nothing to hope for.
      if (code !== 'EFBIG' && code !== 'EIO') return;
    } catch {
      // The torn frame at its end is left over by whoever reads it.
    }
    this.seal(segment.slot);
  }
}

/** A short write says nothing of its reason, whether the file or the disk has no more room; another for the rest does. */
export function writeAll(fd: number, bytes: Buffer, length: number): void {
  const written = writeSync(fd, bytes, 0, length);
  if (written === length) return;
  writeSync(fd, bytes, written, length - written);
  throw Object.assign(new Error('short write'), { code: 'EFBIG' });
}
