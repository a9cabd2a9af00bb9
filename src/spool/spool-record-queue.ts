import { logGuarded } from '../export/guarded-log.ts';
import type { DropReason } from '../export/record-exporter.ts';
import {
  type AdoptedInstance,
  type DropListener,
  type Lane,
  laneOf,
  type QueueRemains,
  type QueueStats,
  type RecordBatch,
  type RecordQueue,
  type TakeLimit,
} from '../export/record-queue.ts';
import { recordSize } from '../export/record-size.ts';
import type { ExecutionRecord } from '../records/execution-record.ts';
import type { Durability, RecordLoss } from '../store/record-store.ts';
import { Adoptions } from './adoptions.ts';
import { DiskRoom } from './disk-room.ts';
import { DropReports } from './drop-reports.ts';
import type { MakeRoom } from './file-writer.ts';
import { recordBody, slimRecord } from './frame-body.ts';
import { MemoryRoom } from './memory-room.ts';
import { QuarantineFolder } from './quarantine-folder.ts';
import { noteSeq, type Placed, type Segment, type Slot } from './segment.ts';
import { SegmentWriter } from './segment-writer.ts';
import { SpoolFiles } from './spool-files.ts';
import { resolveSpoolOptions, type SpoolOptions } from './spool-options.ts';
import { WaitingRecords } from './waiting-records.ts';

/** Share of a spool's bytes that the quarantine may have, beside it. */
const QUARANTINE_SHARE = 0.125;

/**
 * A queue that outlives the process. A record is written to a file before `append` returns, so it is with the kernel
 * then and survives the process, however that ends. Memory holds the first of what waits, up to its bounds; the rest is
 * on disk alone and read back in order. Whoever comes next to the same directory adopts what a dead process left.
 */
export class SpoolRecordQueue implements RecordQueue {
  readonly quarantine: QuarantineFolder;
  readonly #drops: DropReports;
  readonly #files = new SpoolFiles();
  readonly #writer: SegmentWriter;
  readonly #waiting: WaitingRecords;
  readonly #diskRoom: DiskRoom;
  readonly #memoryRoom: MemoryRoom;
  readonly #adoptions: Adoptions;
  readonly #evictForFirst: MakeRoom = () => this.#diskRoom.evictFor('first');
  #isClosed = false;
  /** Whether its files hold something that is to be stored. */
  #isNeeded = false;

  /** `onDrop` is told once the call that caused a drop is done. Nothing is opened before the first record. */
  constructor(options: SpoolOptions, onDrop: DropListener) {
    const resolved = resolveSpoolOptions(options);
    this.quarantine = new QuarantineFolder(resolved.directory, resolved.maxSpoolBytes * QUARANTINE_SHARE);
    this.#drops = new DropReports(onDrop);
    this.#writer = new SegmentWriter(resolved, this.#files);
    this.#waiting = new WaitingRecords(resolved, this.#files, this.#drops);
    this.#diskRoom = new DiskRoom(resolved.maxSpoolBytes, this.#files, (segment) => this.#evict(segment));
    this.#memoryRoom = new MemoryRoom(resolved, this.#files, this.#writer, this.#waiting);
    this.#adoptions = new Adoptions(resolved.directory, this.#files);
  }

  get durability(): Durability {
    return this.#writer.durability;
  }

  get waiting(): number {
    return this.#waiting.count;
  }

  append(record: ExecutionRecord): void {
    let refusal: DropReason | undefined;
    try {
      refusal = this.#isClosed ? 'after_shutdown' : this.#append(record);
    } catch {
      refusal = 'internal_error';
    }
    const { state, seq } = record;
    if (refusal !== undefined && state !== 'running') this.#drops.add(refusal, 1, seq, seq);
    this.#drops.tell();
  }

  appendStart(record: ExecutionRecord, since: number = record.startedAt): void {
    if (this.#isClosed) return;
    try {
      const body = recordBody(record, this.#writer.origin(record.writer));
      const segment = this.#appendNote('start', 'starts', body);
      if (segment === undefined) return;
      this.#files.started(segment, record.recordId);
      segment.lastStartAt = Math.max(segment.lastStartAt, since);
    } catch {
      // Without it a crash leaves no trace of the execution, which is better than to fail it.
    }
  }

  appendLoss(loss: RecordLoss): void {
    if (this.#isClosed) return;
    try {
      const segment = this.#appendNote('loss', 'first', JSON.stringify(loss), this.#evictForFirst);
      if (segment !== undefined) segment.lastLossNo = Math.max(segment.lastLossNo, loss.lossNo);
    } catch {
      // Who reports it keeps it too, as long as the process lives.
    }
  }

  take(limit: TakeLimit): RecordBatch | undefined {
    if (this.waiting === 0) return undefined;
    const batch = this.#waiting.take(limit);
    this.#drops.tell();
    return batch;
  }

  settle(batch: RecordBatch, positions?: readonly number[]): number {
    return this.#waiting.settle(batch, positions);
  }

  giveBack(batch: RecordBatch): void {
    this.#waiting.giveBack(batch);
    if (this.#writer.diskState !== 'well') this.#memoryRoom.trim();
    this.#drops.tell();
  }

  stats(): QueueStats {
    let { records, running, bytes } = this.#waiting.inMemory;
    let spooled = 0;
    let spoolSince: number | undefined;
    for (const segment of this.#files.all()) {
      const { tail, unread, left, hasFile, unsettled, openedAt } = segment;
      if (tail !== undefined) {
        records += unread.records;
        running += unread.running;
        bytes += segment.bytes;
        continue;
      }
      spooled += unread.records - unread.running + left.records - left.running;
      if (hasFile && unsettled.records > 0) spoolSince = Math.min(spoolSince ?? openedAt, openedAt);
    }
    const spoolBytes = this.#files.bytes;
    const { fill } = this.#writer.diskState === 'well' ? this.#diskRoom : this.#memoryRoom;
    const oldestSeq = this.#waiting.lowestSeq;
    return { records: records - running, bytes, spooled, spoolBytes, spoolSince, fill, oldestSeq };
  }

  startsStored(time: number): void {
    this.#files.startsStored(time);
  }

  lossesStored(lossNo: number): void {
    this.#files.lossesStored(lossNo);
  }

  async adopt(): Promise<readonly AdoptedInstance[]> {
    if (this.#isClosed) return [];
    const adopted = await this.#adoptions.adopt((path) => this.#writer.owns(path));
    if (this.#isClosed) return [];
    for (const { segments, damagedBytes, instance } of adopted) {
      for (const segment of segments) this.#waiting.adopt(segment);
      if (damagedBytes === 0) continue;
      logGuarded(
        'warn',
        () => `${damagedBytes} bytes that instance ${instance.instanceId} left in the spool are damaged`,
      );
    }
    return adopted;
  }

  settledInstances(): readonly AdoptedInstance[] {
    return this.#adoptions.settled;
  }

  forget(adopted: AdoptedInstance): void {
    this.#adoptions.forget(adopted);
  }

  persist(): number {
    if (this.#isClosed) return 0;
    this.#files.ending();
    this.#writer.finish(this.#evictForFirst);
    let lost = 0;
    for (const { hasFile, unsettled, heir, firstSeq, lastSeq } of this.#files.all()) {
      const records = unsettled.records - unsettled.running;
      if (hasFile || records === 0) continue;
      if (heir === undefined) lost += records;
      else heir.lost('shutdown_deadline', records, firstSeq, lastSeq);
    }
    this.#drops.tell();
    return lost;
  }

  close(): QueueRemains {
    if (this.#isClosed) return { left: 0, dropped: 0 };
    this.#isClosed = true;
    this.#files.ending();
    this.#writer.finish(this.#evictForFirst);
    this.#drops.tell();
    let left = 0;
    let dropped = 0;
    for (const segment of this.#files.all()) {
      const { unsettled, hasFile, heir } = segment;
      const records = unsettled.records - unsettled.running;
      if (hasFile) left += records;
      else dropped += records;
      if (heir === undefined && hasFile && this.#files.isNeeded(segment)) this.#isNeeded = true;
    }
    this.#writer.release();
    this.#adoptions.release();
    this.#waiting.clear();
    this.#files.clear();
    return { left, dropped };
  }

  forgetOwn(): void {
    if (this.#isClosed && !this.#isNeeded) this.#writer.remove();
  }

  /** Takes a record in, or says why not. */
  #append(record: ExecutionRecord): DropReason | undefined {
    const lane = laneOf(record);
    const kind = record.state === 'running' ? 'running' : 'record';
    const kept = lane === 'second' && this.#diskRoom.isTight ? slimRecord(record) : record;
    const body = recordBody(kept, this.#writer.origin(record.writer));
    const length = this.#writer.encode(kind, record.seq, body);
    if (length === 0) return 'internal_error';
    const placed = this.#place(lane, length, recordSize(record));
    if (typeof placed === 'string') return placed;
    noteSeq(placed.segment, record.seq);
    this.#waiting.add(lane, record, placed);
    // While its end is in memory alone, its start has to do.
    if (kind === 'record' && placed.segment.hasFile) this.#files.ended(record.recordId);
    return undefined;
  }

  /** Puts the frame that was made last where there is room, making some if need be; or says why there is none. */
  #place(lane: Lane, length: number, size: number): Placed | DropReason {
    const { diskState } = this.#writer;
    const mayResume = diskState === 'slow' && !this.#memoryRoom.has(length + size);
    if (diskState === 'well' || (mayResume && this.#writer.resume())) {
      if (!this.#diskRoom.make(lane, length)) return 'spool_full';
      const placed = this.#writer.putInFile(lane, length, () => this.#diskRoom.evictFor(lane));
      if (placed !== undefined) return placed;
    }
    if (this.#memoryRoom.make(lane, length + size)) return this.#writer.putInMemory(lane, length);
    return (lane === 'first' ? this.#placeForSteps(length) : undefined) ?? 'queue_full';
  }

  /** Memory is full of the first lane, and so is the disk: steps on it make way, file by file, for as long as there are any. */
  #placeForSteps(length: number): Placed | undefined {
    while (this.#writer.isDiskFull && this.#evictForFirst()) {
      const placed = this.#diskRoom.has(length)
        ? this.#writer.putInFile('first', length, () => false)
        : undefined;
      if (placed !== undefined) return placed;
    }
    return undefined;
  }

  /** Keeps something that is of use only to whoever adopts this instance. Without `makeRoom` nothing is dropped for it. */
  #appendNote(kind: 'start' | 'loss', slot: Slot, body: string, makeRoom?: MakeRoom): Segment | undefined {
    const length = this.#writer.encode(kind, 0, body);
    if (length === 0) return undefined;
    if (this.#writer.diskState === 'well') {
      const hasRoom = kind === 'start' ? this.#diskRoom.makeForStart(length) : this.#diskRoom.has(length);
      if (!hasRoom) return undefined;
      const placed = this.#writer.putInFile(slot, length, makeRoom);
      // Well, and yet it did not take it: it is full, and what steps would have to give for it is kept for records.
      if (placed !== undefined || this.#writer.diskState === 'well') return placed?.segment;
    }
    return this.#memoryRoom.has(length) ? this.#writer.putInMemory(slot, length).segment : undefined;
  }

  /** Removes the file of a segment for its room, and drops what is nowhere else. */
  #evict(segment: Segment): void {
    if (segment.heir === undefined && !segment.isSealed) this.#writer.seal(segment.slot);
    this.#files.evict(segment);
    this.#waiting.lose(segment, 'spool_full');
  }
}
