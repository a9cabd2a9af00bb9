import { close, fdatasync, fdatasyncSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { untraced } from '../export/untraced.ts';
import { FolderSync } from './folder-sync.ts';
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
  readonly #folders = new FolderSync();
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
      if (!this.#named.has(segment)) this.#folders.syncNow(segment.path);
      this.#done(segment, unsynced);
    }
  }

  /** Forces a file to disk that was written at once. Rejects where its data can not be. */
  async syncWhole(path: string): Promise<void> {
    const file = await open(path, 'r');
    try {
      await file.datasync();
    } finally {
      await file.close();
    }
    await new Promise((resolve) => this.#folders.sync(path, resolve));
  }

  /** The same while everything waits. */
  syncWholeNow(fd: number, path: string): void {
    fdatasyncSync(fd);
    this.#folders.syncNow(path);
  }

  #schedule(): void {
    this.#timer ??= untraced(() => setTimeout(() => this.#syncAll(), SYNC_MILLIS).unref());
  }

  #syncAll(): void {
    this.#timer = undefined;
    for (const [segment, unsynced] of this.#unsynced) {
      if (unsynced.covered !== undefined) continue;
      unsynced.covered = { frames: unsynced.frames, copies: unsynced.copies.length };
      fdatasync(unsynced.fd, (error) => {
        if (error !== null || this.#named.has(segment)) this.#onSynced(segment, unsynced, error);
        else this.#syncName(segment, unsynced);
      });
    }
  }

  /** A file is as good as lost where its folder does not know its name. */
  #syncName(segment: Segment, unsynced: Unsynced): void {
    this.#folders.sync(segment.path, (isDone) => {
      if (isDone) {
        this.#named.add(segment);
        this.#onSynced(segment, unsynced, null);
        return;
      }
      unsynced.covered = undefined;
      if (this.#unsynced.has(segment)) this.#schedule();
    });
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
