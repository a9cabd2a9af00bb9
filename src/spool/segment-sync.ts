import { close, fdatasync, fdatasyncSync, fsync, open } from 'node:fs';
import { dirname } from 'node:path';
import { untraced } from '../export/untraced.ts';
import type { Segment } from './segment.ts';

/** How often what was written is forced to disk. Milliseconds. */
const SYNC_MILLIS = 500;
/** Copies kept of frames that may not have reached the disk, at most: what is added beyond them while the disk hangs is not copied. Bytes. */
const MAX_COPIED_BYTES = 8 * 1_024 * 1_024;

/** What was added to a file and may not be on disk yet. */
interface Unsynced {
  readonly fd: number;
  /** How many frames that are, and copies of the first of them. */
  frames: number;
  readonly copies: Buffer[];
  /** How many of both the call that is under way covers; undefined where there is none. */
  covered: { readonly frames: number; readonly copies: number } | undefined;
  isSealed: boolean;
}

/** Is given frames that may not have reached the disk, though they were written. */
export type RepeatFrames = (segment: Segment, frames: readonly Buffer[]) => void;

/**
 * Forces files to disk every half second, off the main thread. A file for which that failed once is not tried again: the
 * kernel may have forgotten what it could not write, and say that all is well. Its frames are handed back, to be written anew.
 */
export class SegmentSync {
  readonly #repeat: RepeatFrames;
  readonly #unsynced = new Map<Segment, Unsynced>();
  /** Those whose names are on disk. */
  readonly #named = new WeakSet<Segment>();
  #copiedBytes = 0;
  #timer: NodeJS.Timeout | undefined;

  constructor(repeat: RepeatFrames) {
    this.#repeat = repeat;
  }

  /** Is told of a frame that was written. */
  wrote(segment: Segment, bytes: Buffer, length: number): void {
    if (segment.fd === undefined) return;
    let unsynced = this.#unsynced.get(segment);
    if (unsynced === undefined) {
      unsynced = { fd: segment.fd, frames: 0, copies: [], covered: undefined, isSealed: false };
      this.#unsynced.set(segment, unsynced);
    }
    unsynced.frames++;
    if (this.#copiedBytes + length <= MAX_COPIED_BYTES) {
      this.#copiedBytes += length;
      unsynced.copies.push(Buffer.from(bytes.subarray(0, length)));
    }
    this.#schedule();
  }

  /** Is told that a segment is finished. The file is closed here, once it is synced, where it has to be. */
  seal(segment: Segment): void {
    const unsynced = this.#unsynced.get(segment);
    if (unsynced === undefined) return;
    unsynced.isSealed = true;
    segment.fd = undefined;
  }

  /** Forces all to disk while the process ends, and closes what is finished. */
  finish(): void {
    clearTimeout(this.#timer);
    for (const [segment, unsynced] of this.#unsynced) {
      try {
        fdatasyncSync(unsynced.fd);
      } catch {
        // There is no time left to write it anew; the kernel has it.
      }
      this.#done(segment, unsynced);
    }
  }

  #schedule(): void {
    this.#timer ??= untraced(() => setTimeout(() => this.#syncAll(), SYNC_MILLIS).unref());
  }

  #syncAll(): void {
    this.#timer = undefined;
    for (const [segment, unsynced] of this.#unsynced) {
      if (unsynced.covered !== undefined) continue;
      if (!this.#named.has(segment)) this.#syncName(segment);
      unsynced.covered = { frames: unsynced.frames, copies: unsynced.copies.length };
      fdatasync(unsynced.fd, (error) => this.#onSynced(segment, unsynced, error));
    }
  }

  /** A file is as good as lost where its directory does not know its name. */
  #syncName(segment: Segment): void {
    this.#named.add(segment);
    const directory = dirname(segment.path);
    for (const path of [directory, dirname(directory)]) {
      open(path, 'r', (error, fd) => {
        if (error === null) fsync(fd, () => close(fd, () => undefined));
      });
    }
  }

  #onSynced(segment: Segment, unsynced: Unsynced, error: Error | null): void {
    if (this.#unsynced.get(segment) !== unsynced || unsynced.covered === undefined) return;
    const { copies } = unsynced;
    if (error !== null) {
      this.#done(segment, unsynced);
      this.#repeat(segment, copies);
      return;
    }
    for (const frame of copies.splice(0, unsynced.covered.copies)) this.#copiedBytes -= frame.length;
    unsynced.frames -= unsynced.covered.frames;
    unsynced.covered = undefined;
    if (unsynced.frames === 0) this.#done(segment, unsynced);
    else this.#schedule();
  }

  #done(segment: Segment, unsynced: Unsynced): void {
    this.#unsynced.delete(segment);
    for (const frame of unsynced.copies) this.#copiedBytes -= frame.length;
    if (unsynced.isSealed) close(unsynced.fd, () => undefined);
  }
}
