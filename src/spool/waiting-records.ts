import type { DropReason } from '../export/record-exporter.ts';
import type { Lane, RecordBatch, TakeLimit } from '../export/record-queue.ts';
import { recordSize } from '../export/record-size.ts';
import type { ExecutionRecord } from '../records/execution-record.ts';
import type { DropReports } from './drop-reports.ts';
import { recordFromBody } from './frame-body.ts';
import { LeftSteps } from './left-steps.ts';
import { noRecords, type Placed, type Segment, subtract, sum, type Tally, tally } from './segment.ts';
import { SegmentReader } from './segment-reader.ts';
import { cutTail } from './segment-tail.ts';
import { SpoolBatch } from './spool-batch.ts';
import type { SpoolFiles } from './spool-files.ts';
import { SpoolLane } from './spool-lane.ts';

/** How much of files a take may read, at about three milliseconds. Bytes. */
const READ_BYTES_A_TAKE = 512 * 1_024;

/** Bounds of what is kept in memory for its own sake. */
interface MemoryBounds {
  readonly maxQueueSize: number;
  readonly maxQueueBytes: number;
}

/**
 * Records from the moment they are in a segment until they are settled: those that wait, in memory or on disk alone, and
 * those in flight. The first lane goes before the second, and in each this instance's own before adopted ones.
 */
export class WaitingRecords {
  readonly #bounds: MemoryBounds;
  readonly #files: SpoolFiles;
  readonly #drops: DropReports;
  readonly #reader = new SegmentReader();
  readonly #own: Record<Lane, SpoolLane> = { first: new SpoolLane(), second: new SpoolLane() };
  readonly #adopted: Record<Lane, SpoolLane> = { first: new SpoolLane(), second: new SpoolLane() };
  readonly #lanes = [this.#own.first, this.#adopted.first, this.#own.second, this.#adopted.second] as const;
  readonly #inFlight = new Set<SpoolBatch>();
  readonly #memory = { ...noRecords(), bytes: 0 };
  readonly #left = new LeftSteps();

  constructor(bounds: MemoryBounds, files: SpoolFiles, drops: DropReports) {
    this.#bounds = bounds;
    this.#files = files;
    this.#drops = drops;
  }

  /** Records that wait, without those in flight. */
  get count(): number {
    return this.#lanes.reduce((count, lane) => count + lane.waiting, this.#left.count);
  }

  /** Records in memory, waiting and in flight, `running` rows among them, and their bytes. */
  get inMemory(): { readonly records: number; readonly running: number; readonly bytes: number } {
    return this.#memory;
  }

  /** Steps in flight, which can not be taken back. */
  get stepsInFlight(): { readonly records: number; readonly bytes: number } {
    let records = 0;
    let bytes = 0;
    for (const batch of this.#inFlight) {
      for (const { second } of [this.#own, this.#adopted]) {
        const part = batch.unsettledOf(second);
        records += part.records;
        bytes += part.bytes;
      }
    }
    return { records, bytes };
  }

  /** Steps in memory, waiting. */
  get stepsInMemory(): { readonly records: number; readonly bytes: number } {
    const own = this.#own.second.cached;
    const adopted = this.#adopted.second.cached;
    return { records: own.records + adopted.records, bytes: own.bytes + adopted.bytes };
  }

  /** The lowest seq of this instance's own. Lanes are in order, and a batch holds a piece of each. */
  get lowestSeq(): number | undefined {
    let lowest = this.#left.lowestSeq;
    for (const lane of [this.#own.first, this.#own.second]) {
      const seqs = [lane.lowestSeq, ...[...this.#inFlight].map((batch) => batch.lowestSeq(lane))];
      for (const seq of seqs) if (seq !== undefined) lowest = Math.min(lowest ?? seq, seq);
    }
    return lowest;
  }

  /** Takes in a record that was put into a segment, and keeps it in memory too if there is room. */
  add(name: Lane, record: ExecutionRecord, { segment, from }: Placed): void {
    tally(segment.unsettled, record.state, 1);
    const lane = this.#own[name];
    const size = recordSize(record);
    const { maxQueueSize, maxQueueBytes } = this.#bounds;
    const fits = this.#memory.records < maxQueueSize && this.#memory.bytes + size <= maxQueueBytes;
    if (lane.nextSpilled !== undefined || !fits) {
      lane.spill(segment, from, record);
      return;
    }
    lane.push(record, size, segment);
    this.#enterMemory(record, size);
  }

  /** Takes in what is in a segment of a dead instance. */
  adopt(segment: Segment): void {
    this.#adopted[segment.lane].adopt(segment);
  }

  take(limit: TakeLimit): RecordBatch | undefined {
    const batch = new SpoolBatch();
    if (this.#own.second.waiting === 0) this.#left.takeUp(this.#own.second, false);
    if (this.#adopted.second.waiting === 0) this.#left.takeUp(this.#adopted.second, true);
    for (const lane of this.#lanes) {
      this.#move(lane, batch, limit);
      batch.endPart(lane);
    }
    if (batch.records.length === 0) return undefined;
    this.#inFlight.add(batch);
    return batch;
  }

  settle(batch: RecordBatch, positions?: readonly number[]): number {
    if (!(batch instanceof SpoolBatch) || !this.#inFlight.has(batch)) return 0;
    let settled = 0;
    for (const position of positions ?? batch.records.keys()) {
      const record = batch.records[position];
      if (record === undefined || !batch.settle(position)) continue;
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
  }

  /** Drops what is nowhere but in the file of a segment, which has been removed. */
  lose(segment: Segment, reason: DropReason): void {
    const lost = sum(segment.unread, segment.left);
    if (segment.left.records > 0) segment.unreadSeq = segment.firstSeq;
    this.#left.forget(segment);
    const lanes = segment.heir === undefined ? this.#own : this.#adopted;
    this.#giveUp(lanes[segment.lane], segment, reason, lost);
  }

  /**
   * Frees what the oldest step takes in memory; false where there is none. It is dropped, unless it is in a file: there it
   * is left, to be read back when its lane has nothing else. Those taken over are older than this instance's own.
   */
  freeOldestStep(): boolean {
    return this.#freeOldestOf(this.#adopted.second) || this.#freeOldestOf(this.#own.second);
  }

  clear(): void {
    this.#inFlight.clear();
    this.#left.clear();
    for (const lane of this.#lanes) lane.clear();
    Object.assign(this.#memory, { ...noRecords(), bytes: 0 });
  }

  #freeOldestOf(lane: SpoolLane): boolean {
    const segment = this.#files.get(lane.nextSegmentId);
    const record = this.#shift(lane);
    if (record === undefined) return this.#dropOldestTail(lane);
    if (segment?.hasFile === true && this.#left.add(segment, record)) return true;
    if (segment?.heir !== undefined) {
      this.#dropAdopted(lane, segment, record);
      return true;
    }
    if (segment !== undefined) {
      if (segment.tail !== undefined && record.seq > 0) {
        segment.droppedSeqs ??= new Set();
        segment.droppedSeqs.add(record.seq);
      }
      this.#settleIn(segment, record);
    }
    if (record.state !== 'running') this.#drops.add('queue_full', 1, record.seq, record.seq);
    return true;
  }

  /** Drops a record, and what comes next of its segment where that has no file: its heir keeps word of each loss. */
  #dropAdopted(lane: SpoolLane, segment: Segment, record: ExecutionRecord): void {
    const lost = noRecords();
    tally(lost, record.state, 1);
    while (!segment.hasFile && lane.nextSegmentId === segment.id) {
      const next = this.#shift(lane);
      if (next !== undefined) tally(lost, next.state, 1);
    }
    this.#drop(segment, 'queue_full', lost);
  }

  /** Takes the oldest record of a lane out of memory. */
  #shift(lane: SpoolLane): ExecutionRecord | undefined {
    const { nextSize } = lane;
    const record = lane.shift();
    if (record !== undefined) this.#leaveMemory(record, nextSize ?? 0);
    return record;
  }

  #dropOldestTail(lane: SpoolLane): boolean {
    const segment = lane.nextTail;
    if (segment === undefined) return false;
    cutTail(segment, segment.unreadFrom);
    this.#giveUp(lane, segment, 'queue_full');
    return true;
  }

  #move(lane: SpoolLane, batch: SpoolBatch, limit: TakeLimit): void {
    let read = 0;
    for (;;) {
      const { nextSize, nextSegmentId } = lane;
      const isFull = batch.records.length >= limit.records || batch.bytes + (nextSize ?? 0) > limit.bytes;
      if (isFull && batch.records.length > 0) return;
      if (nextSize === undefined) {
        const hasReadEnough = read >= READ_BYTES_A_TAKE && batch.records.length > 0;
        if (lane.nextSpilled === undefined || hasReadEnough) return;
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
      hasMore = this.#reader.read(segment, (kind, seq, body) => {
        // What this instance started is of use only to others.
        const isDelivered =
          kind === 'record' || kind === 'running' || (kind === 'start' && segment.heir !== undefined);
        if (!isDelivered || segment.unread.records === 0) return;
        const record = recordFromBody(body, seq, segment.header);
        if (record === undefined) return;
        if (segment.readsLeft && segment.leftRecords?.delete(record) !== true) return;
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
    this.#drop(segment, reason, lost);
  }

  /** Settles records of a segment as dropped, and says so to whom they are of. */
  #drop(segment: Segment, reason: DropReason, lost: Tally): void {
    subtract(segment.unsettled, lost);
    const numbered = lost.records - lost.running - lost.suspended;
    const { heir, lastSeq } = segment;
    const firstSeq = Math.max(segment.firstSeq, segment.unreadSeq);
    if (heir !== undefined) {
      heir.settled(lost.records);
      if (numbered > 0) heir.lost(reason, numbered, firstSeq, lastSeq);
      if (lost.records > lost.running) this.#drops.add(reason, lost.records - lost.running, 0, 0);
      return;
    }
    if (numbered > 0) this.#drops.add(reason, numbered, firstSeq, lastSeq);
    if (lost.suspended > 0) this.#drops.add(reason, lost.suspended, 0, 0);
    this.#files.collect(segment);
  }

  #settleIn(segment: Segment, record: ExecutionRecord): void {
    tally(segment.unsettled, record.state, -1);
    segment.heir?.settled(1);
    if (segment.unsettled.records === 0) this.#files.collect(segment);
  }

  #enterMemory(record: ExecutionRecord, size: number): void {
    tally(this.#memory, record.state, 1);
    this.#memory.bytes += size;
  }

  #leaveMemory(record: ExecutionRecord, size: number): void {
    tally(this.#memory, record.state, -1);
    this.#memory.bytes -= size;
  }
}
