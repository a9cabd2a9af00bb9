import { constants, ftruncateSync, openSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import type { Lane } from '../export/record-queue.ts';
import { RECORD_SCHEMA_VERSION, type RecordSource } from '../records/execution-record.ts';
import { FrameEncoder, type FrameKind } from './frame.ts';
import type { SegmentHeader } from './frame-body.ts';
import { InstanceDirectory } from './instance-directory.ts';
import { emptySegment, type Segment, segmentName } from './segment.ts';
import type { SpoolFiles } from './spool-files.ts';
import type { ResolvedSpoolOptions } from './spool-options.ts';

const NEW_FILE = constants.O_CREAT | constants.O_EXCL | constants.O_WRONLY | constants.O_APPEND;
/** A write that is refused for want of room is tried once more, in a new file. */
const TRIES = 2;

/** Adds frames to the open segments of this instance, one for each lane; makes directory and files as they are needed. */
export class SegmentWriter {
  readonly #options: ResolvedSpoolOptions;
  readonly #files: SpoolFiles;
  readonly #encoder = new FrameEncoder();
  readonly #open: Record<Lane, Segment | undefined> = { first: undefined, second: undefined };
  #directory: InstanceDirectory | undefined;
  #number = 0;
  #writer: RecordSource | undefined;

  constructor(options: ResolvedSpoolOptions, files: SpoolFiles) {
    this.#options = options;
    this.#files = files;
  }

  /** What the headers say of all records: who the first was of. */
  origin(writer: RecordSource): { readonly instanceId: string; readonly writer: RecordSource } {
    this.#writer ??= writer;
    return { instanceId: this.#options.instanceId, writer: this.#writer };
  }

  /** Adds a frame to a lane. Undefined where the disk takes nothing. */
  write(
    lane: Lane,
    kind: FrameKind,
    seq: number,
    body: string,
  ): { segment: Segment; from: number } | undefined {
    for (let attempt = 0; attempt < TRIES; attempt++) {
      try {
        const segment = this.#segment(lane);
        const length = this.#encoder.encode(kind, seq, body);
        const from = segment.bytes;
        if (this.#add(segment, length)) return { segment, from };
      } catch {
        this.#directory?.release();
        this.#directory = undefined;
      }
      this.seal(lane);
    }
    return undefined;
  }

  /** Adds nothing more to the open segment of a lane. */
  seal(lane: Lane): void {
    const segment = this.#open[lane];
    if (segment === undefined) return;
    this.#open[lane] = undefined;
    this.#files.seal(segment);
  }

  sealOld(): void {
    for (const lane of ['first', 'second'] as const) {
      const segment = this.#open[lane];
      if (segment !== undefined && this.#isOld(segment)) this.seal(lane);
    }
  }

  /** Whether a directory is one of this instance's own. */
  owns(path: string): boolean {
    return this.#directory?.path === path;
  }

  /** Ends all writing; removes the directory where nothing in it is needed. */
  close(isNeeded: boolean): void {
    this.seal('first');
    this.seal('second');
    if (isNeeded) this.#directory?.release();
    else this.#directory?.remove();
    this.#directory = undefined;
  }

  /** The open segment of a lane, made if there is none. Throws what the file system does. */
  #segment(lane: Lane): Segment {
    const open = this.#open[lane];
    if (open !== undefined && open.bytes < this.#options.segmentBytes && !this.#isOld(open)) return open;
    this.seal(lane);
    const openedAt = Date.now();
    const header = this.#header(openedAt);
    this.#directory ??= this.#createDirectory(header);
    const path = join(this.#directory.path, segmentName(lane, ++this.#number));
    const segment = emptySegment({
      id: this.#files.nextId(),
      lane,
      path,
      openedAt,
      openedTick: this.#options.now(),
      header,
      heir: undefined,
    });
    segment.fd = openSync(path, NEW_FILE, 0o600);
    this.#files.add(segment);
    this.#open[lane] = segment;
    const length = this.#encoder.encode('header', 0, JSON.stringify(header));
    if (!this.#add(segment, length))
      throw Object.assign(new Error('no room for a header'), { code: 'ENOSPC' });
    return segment;
  }

  #isOld(segment: Segment): boolean {
    return this.#options.now() - segment.openedTick >= this.#options.segmentMillis;
  }

  /** Writes what was encoded last. What is written in part is cut off again. */
  #add(segment: Segment, length: number): boolean {
    const { fd } = segment;
    if (fd === undefined) return false;
    let written = 0;
    try {
      written = writeSync(fd, this.#encoder.bytes, 0, length);
    } finally {
      if (written !== length) ftruncateSync(fd, segment.bytes);
    }
    if (written !== length) return false;
    this.#files.grow(segment, length);
    return true;
  }

  #createDirectory(header: SegmentHeader): InstanceDirectory {
    const { directory, instanceId } = this.#options;
    const length = this.#encoder.encode('header', 0, JSON.stringify(header));
    return InstanceDirectory.create(
      directory,
      instanceId,
      this.#encoder.bytes.subarray(0, length),
      () => this.sealOld(),
      () => this.#onVanished(),
    );
  }

  #onVanished(): void {
    this.#directory?.release();
    this.#directory = undefined;
    this.seal('first');
    this.seal('second');
  }

  #header(openedAt: number): SegmentHeader {
    const { instanceId, startedAt, durability } = this.#options;
    // All headers of an instance say the same, so that any of them will do.
    this.#writer ??= UNKNOWN_WRITER;
    const writer = this.#writer;
    return { schema: RECORD_SCHEMA_VERSION, instanceId, startedAt, durability, openedAt, writer };
  }
}

/** Where something is lost before the first record comes. */
const UNKNOWN_WRITER: RecordSource = { serviceName: 'unknown_service', host: 'unknown', pid: process.pid };
