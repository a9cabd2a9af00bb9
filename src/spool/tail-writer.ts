import { closeSync, openSync, rmSync } from 'node:fs';
import { open, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { untraced } from '../export/untraced.ts';
import type { DiskHealth } from './disk-health.ts';
import { NEW_FILE, type WriterParts, writeAll } from './file-writer.ts';
import { type Placed, type Segment, SLOTS, type Slot, segmentName } from './segment.ts';
import type { SegmentSync } from './segment-sync.ts';
import { appendToTail, startTail, withoutDropped } from './segment-tail.ts';

/** How often it is tried to write again. Milliseconds. */
const RETRY_MILLIS = 30_000;
/** Memory is given back by segments, so these are small while nothing can be written. */
const FAILING_BYTES = 64 * 1_024;
/** A file is opened, written and closed, each of which may take its time. */
const OPERATIONS = 3;

/**
 * Gathers frames in memory, in segments without a file, and writes those behind the application's back: one after the
 * other while the disk is slow, every 30 s while it fails.
 */
export class TailWriter {
  readonly #parts: WriterParts;
  readonly #health: DiskHealth;
  readonly #sync: SegmentSync | undefined;
  readonly #open: Partial<Record<Slot, Segment | undefined>> = {};
  #timer: NodeJS.Timeout | undefined;
  #isWriting = false;
  #isFinished = false;

  constructor(parts: WriterParts, health: DiskHealth, sync: SegmentSync | undefined) {
    this.#parts = parts;
    this.#health = health;
    this.#sync = sync;
  }

  add(slot: Slot, frame: Buffer): Placed {
    const open = this.#open[slot];
    const segment = open === undefined || this.#isFull(open, frame.length) ? this.#next(slot) : open;
    const from = segment.bytes;
    appendToTail(segment, frame);
    this.#schedule();
    return { segment, from };
  }

  /** Writes the rest while the process ends, into one file for each slot, if the disk takes it. */
  finish(): void {
    this.#isFinished = true;
    clearTimeout(this.#timer);
    for (const slot of SLOTS) {
      this.seal(slot);
      const segments = this.#gathered().filter((segment) => segment.slot === slot);
      if (segments.length > 0) this.#writeNow(slot, segments);
    }
  }

  /** Adds nothing more to the open segment of a slot. */
  seal(slot: Slot): void {
    const segment = this.#open[slot];
    if (segment === undefined) return;
    this.#open[slot] = undefined;
    this.#parts.files.seal(segment);
  }

  /** Writes segments into one file; where that fails they stay in memory, and are lost with it. */
  #writeNow(slot: Slot, segments: readonly Segment[]): void {
    let path = '';
    try {
      path = this.#newPath(slot);
      const fd = openSync(path, NEW_FILE, 0o600);
      try {
        for (const segment of segments) {
          withoutDropped(segment);
          if (segment.tail !== undefined) writeAll(fd, segment.tail, segment.bytes);
        }
        this.#sync?.syncWholeNow(fd, path);
      } finally {
        closeSync(fd);
      }
    } catch {
      if (path !== '') rmSync(path, { force: true });
      return;
    }
    for (const segment of segments) {
      segment.path = path;
      this.#parts.files.hasFile(segment);
    }
  }

  #isFull(segment: Segment, more: number): boolean {
    const max = this.#health.state === 'failing' ? FAILING_BYTES : this.#parts.options.segmentBytes;
    return segment.isSealed || segment.bytes + more > max;
  }

  #next(slot: Slot): Segment {
    this.seal(slot);
    const segment = this.#parts.newSegment(slot);
    startTail(segment, this.#parts.header(segment));
    this.#parts.files.add(segment);
    this.#open[slot] = segment;
    return segment;
  }

  #schedule(): void {
    if (this.#timer !== undefined || this.#isWriting) return;
    const delay = this.#health.state === 'failing' ? RETRY_MILLIS : 0;
    this.#timer = untraced(() => setTimeout(() => void this.#write(), delay).unref());
  }

  /** Segments that are in memory, oldest first. */
  #gathered(): Segment[] {
    return [...this.#parts.files.all()].filter(({ tail }) => tail !== undefined);
  }

  async #write(): Promise<void> {
    this.#timer = undefined;
    this.#isWriting = true;
    try {
      for (;;) {
        for (const slot of SLOTS) this.seal(slot);
        const [segment] = this.#gathered();
        if (this.#isFinished) return;
        if (segment === undefined) break;
        await this.#writeFile(segment);
      }
      if (this.#health.state === 'failing') {
        await this.#probe();
        this.#health.works();
      }
    } catch (error) {
      if (!this.#isFinished) this.#health.fails((error as NodeJS.ErrnoException).code ?? 'unknown');
    } finally {
      this.#isWriting = false;
      if (!this.#isFinished && (this.#health.state === 'failing' || this.#gathered().length > 0))
        this.#schedule();
    }
  }

  async #writeFile(segment: Segment): Promise<void> {
    withoutDropped(segment);
    const { tail, bytes } = segment;
    if (tail === undefined) return;
    const { now } = this.#parts.options;
    const startedAt = now();
    const path = await this.#writeBytes(segment.slot, tail, bytes);
    this.#health.took((now() - startedAt) / OPERATIONS);
    await this.#syncWhole(path);
    // At the end of the process another file got the same frames, which harms nobody.
    if (this.#isFinished) return;
    segment.path = path;
    this.#parts.files.hasFile(segment);
  }

  /** What is gathered in memory is as safe again as it was promised to be once it is on disk. */
  async #syncWhole(path: string): Promise<void> {
    try {
      await this.#sync?.syncWhole(path);
    } catch (error) {
      await unlink(path).catch(() => undefined);
      throw error;
    }
  }

  /** Finds out whether files can be written, where there is nothing to write. */
  async #probe(): Promise<void> {
    const header = Buffer.from(this.#parts.header(this.#parts.newSegment('first')));
    await unlink(await this.#writeBytes('first', header, header.length));
  }

  async #writeBytes(slot: Slot, bytes: Buffer, length: number): Promise<string> {
    const path = this.#newPath(slot);
    const file = await open(path, NEW_FILE, 0o600);
    try {
      const { bytesWritten } = await file.write(bytes, 0, length);
      if (bytesWritten !== length) throw Object.assign(new Error('short write'), { code: 'ENOSPC' });
    } catch (error) {
      await unlink(path).catch(() => undefined);
      throw error;
    } finally {
      await file.close();
    }
    return path;
  }

  #newPath(slot: Slot): string {
    return join(this.#parts.directory(), segmentName(slot, this.#parts.nextNumber()));
  }
}
