import { join } from 'node:path';
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
import { type Adoption, adoptDirectory } from './adoption.ts';
import { DiskRoom } from './disk-room.ts';
import { DropReports } from './drop-reports.ts';
import { recordBody, recordFromBody, slimRecord } from './frame-body.ts';
import { instanceNames } from './instance-directory.ts';
import { noRecords, noteSeq, type Placed, type Segment, subtract, sum, tally } from './segment.ts';
import { SegmentReader } from './segment-reader.ts';
import { cutTail } from './segment-tail.ts';
import { SegmentWriter } from './segment-writer.ts';
import { SpoolBatch } from './spool-batch.ts';
import { SpoolFiles } from './spool-files.ts';
import { SpoolLane } from './spool-lane.ts';
import { type ResolvedSpoolOptions, resolveSpoolOptions, type SpoolOptions } from './spool-options.ts';

/** How much of files a take may read, at about three milliseconds. Bytes. */
const READ_BYTES_A_TAKE = 512 * 1_024;

/** So many records, of so many bytes. */
interface Amount {
  records: number;
  bytes: number;
}

/**
 * A queue that outlives the process. A record is written to a file before `append` returns, so it is with the kernel
 * then and survives the process, however that ends. Memory holds the first of what waits, up to its bounds; the rest is
 * on disk alone and read back in order. Whoever comes next to the same directory adopts what a dead process left.
 */
export class SpoolRecordQueue implements RecordQueue {
  readonly #options: ResolvedSpoolOptions;
  readonly #drops: DropReports;
  readonly #files = new SpoolFiles();
  readonly #writer: SegmentWriter;
  readonly #room: DiskRoom;
  readonly #reader = new SegmentReader();
  readonly #own: Record<Lane, SpoolLane> = { first: new SpoolLane(), second: new SpoolLane() };
  readonly #adopted: Record<Lane, SpoolLane> = { first: new SpoolLane(), second: new SpoolLane() };
  /** In the order they are delivered. */
  readonly #lanes = [this.#own.first, this.#adopted.first, this.#own.second, this.#adopted.second] as const;
  readonly #inFlight = new Set<SpoolBatch>();
  readonly #adoptions = new Set<Adoption>();
  /** In memory, waiting and in flight. */
  readonly #memory = { ...noRecords(), bytes: 0 };
  #adopting: Promise<readonly AdoptedInstance[]> | undefined;
  #isClosed = false;

  constructor(options: SpoolOptions, onDrop: DropListener) {
    this.#options = resolveSpoolOptions(options);
    this.#drops = new DropReports(onDrop);
    this.#writer = new SegmentWriter(this.#options, this.#files);
    this.#room = new DiskRoom(this.#options.maxSpoolBytes, this.#files, (segment) => this.#evict(segment));
  }

  get durability(): Durability {
    return this.#writer.durability;
  }

  get waiting(): number {
    let waiting = 0;
    for (const lane of this.#lanes) waiting += lane.waiting;
    return waiting;
  }

  append(record: ExecutionRecord): void {
    try {
      const refusal = this.#isClosed ? 'after_shutdown' : this.#append(record);
      if (refusal !== undefined) this.#dropOne(refusal, record);
    } catch {
      this.#dropOne('internal_error', record);
    }
    this.#drops.tell();
  }

  appendStart(record: ExecutionRecord): void {
    if (this.#isClosed) return;
    try {
      const segment = this.#appendNote('start', recordBody(record, this.#writer.origin(record.writer)));
      if (segment !== undefined) segment.lastStartAt = Math.max(segment.lastStartAt, record.startedAt);
    } catch {
      // Without it a crash leaves no trace of the execution, which is better than to fail it.
    }
  }

  appendLoss(loss: RecordLoss): void {
    if (this.#isClosed) return;
    try {
      const segment = this.#appendNote('loss', JSON.stringify(loss));
      if (segment !== undefined) segment.lastLossNo = Math.max(segment.lastLossNo, loss.lossNo);
    } catch {
      // Who reports it keeps it too, as long as the process lives.
    }
  }

  take(limit: TakeLimit): RecordBatch | undefined {
    if (this.#isClosed || this.waiting === 0) return undefined;
    const batch = new SpoolBatch();
    for (const lane of this.#lanes) {
      this.#move(lane, batch, limit);
      batch.endPart(lane);
    }
    this.#drops.tell();
    if (batch.records.length === 0) return undefined;
    this.#inFlight.add(batch);
    return batch;
  }

  settle(batch: RecordBatch, positions?: readonly number[]): number {
    if (!(batch instanceof SpoolBatch) || !this.#inFlight.has(batch)) return 0;
    let settled = 0;
    for (const position of positions ?? batch.records.keys()) {
      if (!batch.settle(position)) continue;
      const record = batch.records[position] as ExecutionRecord;
      if (record.state !== 'running') settled++;
      this.#leaveMemory(record, batch.sizes[position] ?? 0);
      const segment = batch.segments[position];
      if (segment !== undefined) this.#settleIn(segment, record);
    }
    if (batch.unsettled === 0) this.#inFlight.delete(batch);
    return settled;
  }

  giveBack(batch: RecordBatch): void {
    if (!(batch instanceof SpoolBatch) || !this.#inFlight.delete(batch)) return;
    for (let position = batch.records.length - 1; position >= 0; position--) {
      const record = batch.records[position];
      if (record === undefined || !batch.settle(position)) continue;
      const id = batch.segments[position]?.id ?? 0;
      batch.laneAt(position)?.unshift(record, batch.sizes[position] ?? 0, id);
    }
    if (this.#writer.diskState !== 'well') this.#trimMemory();
    this.#drops.tell();
  }

  stats(): QueueStats {
    const inMemory = { ...this.#memory };
    let spooled = 0;
    let spoolSince: number | undefined;
    for (const { tail, bytes, unread, left, hasFile, unsettled, openedAt } of this.#files.all()) {
      if (tail !== undefined) {
        inMemory.records += unread.records;
        inMemory.running += unread.running;
        inMemory.bytes += bytes;
        continue;
      }
      spooled += unread.records - unread.running + left.records - left.running;
      if (hasFile && unsettled.records > 0) spoolSince = Math.min(spoolSince ?? openedAt, openedAt);
    }
    return {
      records: inMemory.records - inMemory.running,
      bytes: inMemory.bytes,
      spooled,
      spoolBytes: this.#files.bytes,
      spoolSince,
      fill: this.#fill(),
      oldestSeq: this.#oldestSeq(),
    };
  }

  startsStored(time: number): void {
    this.#files.startsStored(time);
  }

  lossesStored(lossNo: number): void {
    this.#files.lossesStored(lossNo);
  }

  adopt(): Promise<readonly AdoptedInstance[]> {
    if (this.#isClosed) return Promise.resolve([]);
    this.#adopting ??= this.#adopt().finally(() => {
      this.#adopting = undefined;
    });
    return this.#adopting;
  }

  settledInstances(): readonly AdoptedInstance[] {
    return [...this.#adoptions].filter(({ isSettled }) => isSettled);
  }

  forget(adopted: AdoptedInstance): void {
    for (const adoption of this.#adoptions) {
      if (adoption !== adopted) continue;
      this.#adoptions.delete(adoption);
      for (const segment of adoption.segments) this.#files.drop(segment);
      void adoption.remove();
    }
  }

  close(): QueueRemains {
    if (this.#isClosed) return { left: 0, dropped: 0 };
    this.#isClosed = true;
    this.#writer.finish();
    let left = 0;
    let dropped = 0;
    let isNeeded = false;
    for (const segment of this.#files.all()) {
      const { records, running } = segment.unsettled;
      if (segment.hasFile) left += records - running;
      else dropped += records - running;
      if (segment.heir === undefined && segment.hasFile && this.#files.isNeeded(segment)) isNeeded = true;
    }
    this.#writer.leave(isNeeded);
    for (const adoption of this.#adoptions) adoption.release();
    this.#inFlight.clear();
    for (const lane of this.#lanes) lane.clear();
    Object.assign(this.#memory, { ...noRecords(), bytes: 0 });
    return { left, dropped };
  }

  /** Takes a record in, or says why not. */
  #append(record: ExecutionRecord): DropReason | undefined {
    const name = laneOf(record);
    const kind = record.state === 'running' ? 'running' : 'record';
    const kept = name === 'second' && this.#room.isTight ? slimRecord(record) : record;
    const length = this.#writer.encode(
      kind,
      record.seq,
      recordBody(kept, this.#writer.origin(record.writer)),
    );
    if (length === 0) return 'internal_error';
    const size = recordSize(record);
    const placed = this.#place(name, length, size);
    if (typeof placed === 'string') return placed;
    const { segment, from } = placed;
    tally(segment.unsettled, record.state, 1);
    noteSeq(segment, record.seq);
    const lane = this.#own[name];
    if (lane.nextSpilled !== undefined || !this.#hasMemory(size)) {
      lane.spill(segment, from, record);
      return undefined;
    }
    lane.push(record, size, segment);
    this.#enterMemory(record, size);
    return undefined;
  }

  /** Puts the frame that was made last where there is room, making some if need be; or says why there is none. */
  #place(name: Lane, length: number, size: number): Placed | DropReason {
    if (this.#writer.diskState === 'well') {
      if (!this.#room.make(name, length)) return 'spool_full';
      const placed = this.#writer.putInFile(name, length, () => this.#room.evictFor(name));
      if (placed !== undefined) return placed;
    }
    if (!this.#makeMemory(name, length + size)) return 'queue_full';
    return this.#writer.putInMemory(name, length);
  }

  /** Keeps something that is of use only to whoever adopts this instance: nothing is dropped for it. */
  #appendNote(kind: 'start' | 'loss', body: string): Segment | undefined {
    const length = this.#writer.encode(kind, 0, body);
    if (length === 0) return undefined;
    let placed: Placed | undefined;
    if (this.#writer.diskState === 'well' && this.#room.has(length)) {
      placed = this.#writer.putInFile('first', length, () => false);
    }
    if (
      placed === undefined &&
      this.#writer.diskState !== 'well' &&
      this.#memoryRoom('first').bytes >= length
    ) {
      placed = this.#writer.putInMemory('first', length);
    }
    return placed?.segment;
  }

  #hasMemory(size: number): boolean {
    const { maxQueueSize, maxQueueBytes } = this.#options;
    return this.#memory.records < maxQueueSize && this.#memory.bytes + size <= maxQueueBytes;
  }

  /** How much more memory may take while files can not be written: it holds the records and their frames then. */
  #memoryRoom(name: Lane): Amount {
    const { maxQueueSize, maxQueueBytes } = this.#options;
    let records = this.#writer.diskState === 'failing' ? maxQueueSize : Number.POSITIVE_INFINITY;
    let bytes = 2 * maxQueueBytes - this.#memory.bytes;
    records -= this.#memory.records;
    for (const { tail, unread, bytes: length } of this.#files.all()) {
      if (tail === undefined) continue;
      records -= unread.records;
      bytes -= length;
    }
    if (name === 'first') {
      // Steps in flight can not be taken back: the first lane is let in over their head.
      for (const batch of this.#inFlight) {
        const second = batch.unsettledOf(this.#own.second);
        records += second.records;
        bytes += second.bytes;
      }
    }
    return { records, bytes };
  }

  #fill(): number {
    if (this.#writer.diskState === 'well') return this.#room.fill;
    const { maxQueueSize, maxQueueBytes } = this.#options;
    const { records, bytes } = this.#memoryRoom('second');
    const taken = Math.max(
      records === Number.POSITIVE_INFINITY ? 0 : 1 - records / maxQueueSize,
      1 - bytes / (2 * maxQueueBytes),
    );
    return Math.min(1, Math.max(0, taken));
  }

  /** Makes room in memory for a record; false where all that could go would not be enough. */
  #makeMemory(name: Lane, bytes: number): boolean {
    const second = this.#own.second.cached;
    const most = this.#memoryRoom(name);
    most.records += second.records;
    most.bytes += second.bytes;
    for (const { tail, lane, unread, bytes: length } of this.#files.all()) {
      if (tail === undefined || lane === 'first') continue;
      most.records += unread.records;
      most.bytes += length;
    }
    if (most.records < 1 || most.bytes < bytes) return false;
    for (
      let room = this.#memoryRoom(name);
      room.records < 1 || room.bytes < bytes;
      room = this.#memoryRoom(name)
    ) {
      if (!this.#freeOldestStep()) return false;
    }
    return true;
  }

  #trimMemory(): void {
    for (
      let room = this.#memoryRoom('second');
      room.records < 0 || room.bytes < 0;
      room = this.#memoryRoom('second')
    ) {
      if (!this.#freeOldestStep()) return;
    }
  }

  /**
   * Frees what the oldest of the second lane takes in memory; false where there is none. It is dropped, unless it is in a
   * file: there it is left for the next start, since out of its turn it can not be read back.
   */
  #freeOldestStep(): boolean {
    const lane = this.#own.second;
    const { nextSize, nextSegmentId } = lane;
    const record = lane.shift();
    if (record === undefined) {
      const gathered = lane.nextTail;
      if (gathered === undefined) return false;
      cutTail(gathered, gathered.unreadFrom);
      this.#giveUp(lane, gathered, 'queue_full');
      return true;
    }
    this.#leaveMemory(record, nextSize ?? 0);
    const segment = this.#files.get(nextSegmentId);
    if (segment?.hasFile === true) {
      tally(segment.left, record.state, 1);
      return true;
    }
    if (segment !== undefined) {
      segment.droppedSeqs ??= new Set();
      segment.droppedSeqs.add(record.seq);
      this.#settleIn(segment, record);
    }
    this.#dropOne('queue_full', record);
    return true;
  }

  /** Removes the file of a segment for its room, and drops what is nowhere else. */
  #evict(segment: Segment): void {
    if (segment.heir === undefined && !segment.isSealed) this.#writer.seal(segment.lane);
    this.#files.evict(segment);
    const lanes = segment.heir === undefined ? this.#own : this.#adopted;
    const lost = sum(segment.unread, segment.left);
    Object.assign(segment.left, noRecords());
    this.#giveUp(lanes[segment.lane], segment, 'spool_full', lost);
  }

  #move(lane: SpoolLane, batch: SpoolBatch, limit: TakeLimit): void {
    let read = 0;
    for (;;) {
      const { nextSize, nextSegmentId } = lane;
      const isFull = batch.records.length >= limit.records || batch.bytes + (nextSize ?? 0) > limit.bytes;
      if (isFull && batch.records.length > 0) return;
      if (nextSize === undefined) {
        if (lane.nextSpilled === undefined || (read >= READ_BYTES_A_TAKE && batch.records.length > 0)) return;
        read += this.#load(lane, lane.nextSpilled);
        continue;
      }
      const record = lane.shift();
      if (record !== undefined) batch.add(record, nextSize, this.#files.get(nextSegmentId));
    }
  }

  /** Reads on in what a lane has on disk alone, and returns how many bytes. What is found missing there is dropped. */
  #load(lane: SpoolLane, segment: Segment): number {
    const { unreadFrom } = segment;
    let reason: DropReason = 'corrupt_frame';
    let hasMore = false;
    try {
      hasMore = this.#reader.read(segment, (kind, _seq, body) => {
        const isDelivered =
          kind === 'record' || kind === 'running' || (kind === 'start' && segment.heir !== undefined);
        if (!isDelivered) return;
        const record = recordFromBody(body, segment.header);
        if (record === undefined || segment.unread.records === 0) return;
        const size = recordSize(record);
        lane.load(segment, record, size);
        this.#enterMemory(record, size);
      });
    } catch {
      reason = 'spool_io_error';
    }
    if (!hasMore) this.#giveUp(lane, segment, reason);
    return segment.unreadFrom - unreadFrom;
  }

  /** Drops what is on disk alone of a segment. */
  #giveUp(lane: SpoolLane, segment: Segment, reason: DropReason, lost = { ...segment.unread }): void {
    if (lost.records === 0) return;
    lane.giveUp(segment);
    subtract(segment.unsettled, lost);
    const numbered = lost.records - lost.running - lost.suspended;
    if (segment.heir === undefined) {
      if (numbered > 0) this.#drops.add(reason, numbered, segment.firstSeq, segment.lastSeq);
      if (lost.suspended > 0) this.#drops.add(reason, lost.suspended, 0, 0);
      this.#files.collect(segment);
      return;
    }
    segment.heir.settled(lost.records);
    if (numbered > 0) segment.heir.lost(reason, numbered, segment.firstSeq, segment.lastSeq);
  }

  #settleIn(segment: Segment, record: ExecutionRecord): void {
    tally(segment.unsettled, record.state, -1);
    if (segment.heir !== undefined) segment.heir.settled(1);
    else if (segment.unsettled.records === 0) this.#files.collect(segment);
  }

  #enterMemory(record: ExecutionRecord, size: number): void {
    tally(this.#memory, record.state, 1);
    this.#memory.bytes += size;
  }

  #leaveMemory(record: ExecutionRecord, size: number): void {
    tally(this.#memory, record.state, -1);
    this.#memory.bytes -= size;
  }

  #dropOne(reason: DropReason, { state, seq }: ExecutionRecord): void {
    if (state !== 'running') this.#drops.add(reason, 1, seq, seq);
  }

  /** Lanes are in order of `seq`, and a batch holds a piece of each, so only their first records matter. */
  #oldestSeq(): number | undefined {
    let oldest: number | undefined;
    for (const lane of [this.#own.first, this.#own.second]) {
      const seqs = [lane.lowestSeq, ...[...this.#inFlight].map((batch) => batch.lowestSeq(lane))];
      for (const seq of seqs) if (seq !== undefined) oldest = Math.min(oldest ?? seq, seq);
    }
    return oldest;
  }

  async #adopt(): Promise<readonly AdoptedInstance[]> {
    const adopted: Adoption[] = [];
    for (const name of instanceNames(this.#options.directory)) {
      const path = join(this.#options.directory, name);
      if (this.#isClosed) break;
      if (this.#writer.owns(path) || [...this.#adoptions].some((adoption) => adoption.path === path))
        continue;
      const adoption = await adoptDirectory(path, () => this.#files.nextId()).catch(() => undefined);
      if (adoption === undefined) continue;
      if (this.#isClosed) {
        adoption.release();
        break;
      }
      this.#takeOver(adoption);
      adopted.push(adoption);
      const { damagedBytes, instance } = adoption;
      if (damagedBytes > 0) {
        logGuarded(
          'warn',
          () => `${damagedBytes} bytes that instance ${instance.instanceId} left in the spool are damaged`,
        );
      }
    }
    return adopted;
  }

  #takeOver(adoption: Adoption): void {
    this.#adoptions.add(adoption);
    for (const segment of adoption.segments) {
      this.#files.add(segment);
      this.#adopted[segment.lane].adopt(segment);
    }
  }
}
