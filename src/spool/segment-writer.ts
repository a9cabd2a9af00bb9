import { existsSync } from 'node:fs';
import { RECORD_SCHEMA_VERSION, type RecordSource } from '../records/execution-record.ts';
import type { Durability } from '../store/record-store.ts';
import { DiskHealth, type DiskState } from './disk-health.ts';
import { FileWriter } from './file-writer.ts';
import { FrameEncoder, type FrameKind } from './frame.ts';
import type { SegmentHeader } from './frame-body.ts';
import { InstanceDirectory } from './instance-directory.ts';
import { emptySegment, type Placed, type Segment, SLOTS, type Slot } from './segment.ts';
import { SegmentSync } from './segment-sync.ts';
import type { SpoolFiles } from './spool-files.ts';
import type { ResolvedSpoolOptions } from './spool-options.ts';
import { TailWriter } from './tail-writer.ts';

/** Makes room on a full disk by removing the oldest segment of the second lane; false where there is none. */
export type MakeRoom = () => boolean;

/** What is over once room was made. */
const FULL = new Set(['ENOSPC', 'EDQUOT']);
/** What a new directory or a new file mends. */
const MENDED = new Set(['ENOENT', 'EFBIG']);

/**
 * Puts frames into the segments of this instance: into files while the disk does well, and into memory while it does
 * not. Nothing here throws.
 */
export class SegmentWriter {
  readonly #options: ResolvedSpoolOptions;
  readonly #files: SpoolFiles;
  readonly #encoder = new FrameEncoder();
  readonly #headers = new FrameEncoder(1_024);
  readonly #health: DiskHealth;
  readonly #inFiles: FileWriter;
  readonly #inMemory: TailWriter;
  readonly #sync: SegmentSync | undefined;
  #directory: InstanceDirectory | undefined;
  #writer: RecordSource | undefined;
  #number = 0;

  constructor(options: ResolvedSpoolOptions, files: SpoolFiles) {
    this.#options = options;
    this.#files = files;
    this.#health = new DiskHealth(options.now, options.waited);
    const newSegment = (slot: Slot): Segment => this.#newSegment(slot);
    const header = (segment: Segment): Buffer => this.#headerFrame(segment.header);
    const directory = (): string => this.#ensureDirectory();
    const nextNumber = (): number => ++this.#number;
    const parts = { options, files, newSegment, header, directory, nextNumber };
    this.#sync =
      options.durability === 'os'
        ? new SegmentSync((segment, frames) => this.#repeat(segment, frames))
        : undefined;
    this.#inFiles = new FileWriter(parts, this.#sync);
    this.#inMemory = new TailWriter(parts, this.#health, this.#sync);
  }

  /** How what is written now is kept. */
  get durability(): Durability {
    return this.#health.state === 'well' ? this.#options.durability : 'memory';
  }

  /** What the headers say of all records: who the first was of. */
  origin(writer: RecordSource): { readonly instanceId: string; readonly writer: RecordSource } {
    this.#writer ??= writer;
    return { instanceId: this.#options.instanceId, writer: this.#writer };
  }

  /** Makes a frame, to be put with {@link put}. Returns its length, 0 where it is too long to be kept. */
  encode(kind: FrameKind, seq: number, body: string): number {
    return this.#encoder.encode(kind, seq, body);
  }

  /** How the disk does: frames go to files while it does well. */
  get diskState(): DiskState {
    return this.#health.state;
  }

  /** Memory is full: whether files can be tried again. */
  resume(): boolean {
    return this.#health.resume();
  }

  /** Puts the frame that was made last into a file of a slot; undefined where the disk does not take it. */
  putInFile(slot: Slot, length: number, makeRoom: MakeRoom): Placed | undefined {
    this.#inMemory.seal(slot);
    const tried = new Set<string>();
    for (;;) {
      const startedAt = this.#options.now();
      try {
        const placed = this.#inFiles.add(slot, this.#encoder.bytes, length);
        this.#health.took(this.#options.now() - startedAt);
        return placed;
      } catch (error) {
        const code = (error as NodeJS.ErrnoException).code ?? 'unknown';
        if (code === 'ENOENT') this.#onVanished();
        const isWorthATry = MENDED.has(code) || (FULL.has(code) && makeRoom());
        if (isWorthATry && !tried.has(code)) {
          tried.add(code);
          continue;
        }
        this.#sealAll();
        this.#health.fails(code);
        return undefined;
      }
    }
  }

  /** Puts the frame that was made last into memory, to be written later. */
  putInMemory(slot: Slot, length: number): Placed {
    this.#inFiles.seal(slot);
    return this.#inMemory.add(slot, this.#encoder.bytes.subarray(0, length));
  }

  /** Adds nothing more to the open file of a slot. */
  seal(slot: Slot): void {
    this.#inFiles.seal(slot);
  }

  /** Whether a directory is that of this instance. */
  owns(path: string): boolean {
    return this.#directory?.path === path;
  }

  /** Writes what memory holds, if the disk takes it, and closes all files. */
  finish(): void {
    this.#inMemory.finish();
    this.#sealAll();
    this.#sync?.finish();
  }

  /** Leaves the directory to whoever adopts it. After {@link finish}. */
  release(): void {
    this.#directory?.release();
  }

  /** Removes the directory: nothing in it is needed. */
  remove(): void {
    this.#directory?.remove();
    this.#directory = undefined;
  }

  #sealAll(): void {
    for (const slot of SLOTS) this.#inFiles.seal(slot);
  }

  #newSegment(slot: Slot): Segment {
    const { instanceId, startedAt, durability, now } = this.#options;
    // All headers of an instance say the same, so that any of them will do.
    this.#writer ??= UNKNOWN_WRITER;
    const openedAt = Date.now();
    const writer = this.#writer;
    const header = { schema: RECORD_SCHEMA_VERSION, instanceId, startedAt, durability, openedAt, writer };
    return emptySegment({
      id: this.#files.nextId(),
      slot,
      path: '',
      openedAt,
      openedTick: now(),
      header,
      heir: undefined,
    });
  }

  #headerFrame(header: SegmentHeader): Buffer {
    const length = this.#headers.encode('header', 0, JSON.stringify(header));
    return this.#headers.bytes.subarray(0, length);
  }

  #ensureDirectory(): string {
    const { directory, instanceId } = this.#options;
    this.#directory ??= InstanceDirectory.create(
      directory,
      instanceId,
      this.#headerFrame(this.#newSegment('first').header),
      () => this.#inFiles.sealOld(),
      () => this.#onVanished(),
    );
    return this.#directory.path;
  }

  /** Somebody has removed the directory: what was in it is lost, what comes now gets a new one. */
  #onVanished(): void {
    this.#sealAll();
    if (this.#directory === undefined) return;
    if (!existsSync(this.#directory.path)) this.#files.vanished();
    this.#directory.release();
    this.#directory = undefined;
  }

  /** Frames may not have reached the disk: they are written again, in a file of their own. */
  #repeat(segment: Segment, frames: readonly Buffer[]): void {
    this.#inFiles.seal(segment.slot);
    try {
      this.#inFiles.repeat(segment, Buffer.concat(frames));
    } catch (error) {
      this.#health.fails((error as NodeJS.ErrnoException).code ?? 'unknown');
    }
  }
}

/** Where something is lost before the first record comes. */
const UNKNOWN_WRITER: RecordSource = { serviceName: 'unknown_service', host: 'unknown', pid: process.pid };
