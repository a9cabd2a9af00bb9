import { join } from 'node:path';
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
import { recordBody, recordFromBody } from './frame-body.ts';
import { instanceNames } from './instance-directory.ts';
import { noRecords, noteSeq, type Segment, subtract, tally } from './segment.ts';
import { SegmentReader } from './segment-reader.ts';
import { SegmentWriter } from './segment-writer.ts';
import { SpoolBatch } from './spool-batch.ts';
import { SpoolFiles } from './spool-files.ts';
import { SpoolLane } from './spool-lane.ts';
import { type ResolvedSpoolOptions, resolveSpoolOptions, type SpoolOptions } from './spool-options.ts';

/** How many pieces of files a take may read: about a millisecond each. */
const READS_A_TAKE = 4;

/**
 * A queue that outlives the process. A record is written to a file before `append` returns, so it is with the kernel
 * then and survives the process, however that ends. Memory holds the first of what waits, up to its bounds; the rest is
 * on disk alone and read back in order. Whoever comes next to the same directory adopts what a dead process left.
 */
export class SpoolRecordQueue implements RecordQueue {
  readonly #options: ResolvedSpoolOptions;
  readonly #onDrop: DropListener;
  readonly #files = new SpoolFiles();
  readonly #writer: SegmentWriter;
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
    this.#onDrop = onDrop;
    this.#writer = new SegmentWriter(this.#options, this.#files);
  }

  get durability(): Durability {
    return this.#options.durability;
  }

  get waiting(): number {
    let waiting = 0;
    for (const lane of this.#lanes) waiting += lane.waiting;
    return waiting;
  }

  append(record: ExecutionRecord): void {
    try {
      this.#append(record);
    } catch {
      this.#dropOne('internal_error', record);
    }
  }

  appendStart(record: ExecutionRecord): void {
    if (this.#isClosed) return;
    try {
      const body = recordBody(record, this.#writer.origin(record.writer));
      const written = this.#writer.write('first', 'start', 0, body);
      if (written !== undefined) note(written.segment, record.startedAt);
    } catch {
      // Without it a crash leaves no trace of the execution, which is better than to fail it.
    }
  }

  appendLoss(loss: RecordLoss): void {
    if (this.#isClosed) return;
    try {
      const written = this.#writer.write('first', 'loss', 0, JSON.stringify(loss));
      if (written !== undefined) note(written.segment, loss.at);
    } catch {
      // The exporter keeps it too, as long as it lives.
    }
  }

  take(limit: TakeLimit): RecordBatch | undefined {
    if (this.#isClosed || this.waiting === 0) return undefined;
    const batch = new SpoolBatch();
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
  }

  stats(): QueueStats {
    let spooled = 0;
    for (const { unread } of this.#lanes) spooled += unread.records - unread.running;
    let spoolSince: number | undefined;
    for (const { hasFile, unsettled, openedAt } of this.#files.all()) {
      if (hasFile && unsettled.records > 0) spoolSince = Math.min(spoolSince ?? openedAt, openedAt);
    }
    return {
      records: this.#memory.records - this.#memory.running,
      bytes: this.#memory.bytes,
      spooled,
      spoolBytes: this.#files.bytes,
      spoolSince,
      fill: this.#files.bytes / this.#options.maxSpoolBytes,
      oldestSeq: this.#oldestSeq(),
    };
  }

  startsStored(time: number): void {
    this.#files.startsStored(time);
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
    let left = 0;
    let dropped = 0;
    let isNeeded = false;
    for (const segment of this.#files.all()) {
      const { records, running } = segment.unsettled;
      if (segment.hasFile) left += records - running;
      else dropped += records - running;
      if (segment.heir === undefined && segment.hasFile && this.#files.isNeeded(segment)) isNeeded = true;
    }
    this.#writer.close(isNeeded);
    for (const adoption of this.#adoptions) adoption.release();
    this.#inFlight.clear();
    for (const lane of this.#lanes) lane.clear();
    Object.assign(this.#memory, { ...noRecords(), bytes: 0 });
    return { left, dropped };
  }

  #append(record: ExecutionRecord): void {
    if (this.#isClosed) {
      this.#dropOne('after_shutdown', record);
      return;
    }
    const name = laneOf(record);
    const body = recordBody(record, this.#writer.origin(record.writer));
    const kind = record.state === 'running' ? 'running' : 'record';
    const written = this.#writer.write(name, kind, record.seq, body);
    if (written === undefined) {
      this.#dropOne('spool_io_error', record);
      return;
    }
    const { segment, from } = written;
    tally(segment.unsettled, record.state, 1);
    noteSeq(segment, record.seq);
    const lane = this.#own[name];
    const size = recordSize(record);
    if (lane.nextSpilled !== undefined || !this.#hasMemory(size)) {
      lane.spill(segment, from, record);
      return;
    }
    lane.push(record, size, segment);
    this.#enterMemory(record, size);
  }

  #hasMemory(size: number): boolean {
    const { maxQueueSize, maxQueueBytes } = this.#options;
    return this.#memory.records < maxQueueSize && this.#memory.bytes + size <= maxQueueBytes;
  }

  #move(lane: SpoolLane, batch: SpoolBatch, limit: TakeLimit): void {
    let reads = 0;
    for (;;) {
      const { nextSize, nextSegmentId } = lane;
      const isFull = batch.records.length >= limit.records || batch.bytes + (nextSize ?? 0) > limit.bytes;
      if (isFull && batch.records.length > 0) return;
      if (nextSize === undefined) {
        if (lane.nextSpilled === undefined || (reads >= READS_A_TAKE && batch.records.length > 0)) return;
        reads++;
        this.#load(lane, lane.nextSpilled);
        continue;
      }
      const record = lane.shift();
      if (record !== undefined) batch.add(record, nextSize, this.#files.get(nextSegmentId));
    }
  }

  /** Reads on in what a lane has on disk alone. What is found missing there is dropped. */
  #load(lane: SpoolLane, segment: Segment): void {
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
  }

  /** Drops what is on disk alone of a segment. */
  #giveUp(lane: SpoolLane, segment: Segment, reason: DropReason): void {
    const lost = { ...segment.unread };
    if (lost.records === 0) return;
    lane.giveUp(segment);
    subtract(segment.unsettled, lost);
    const counted = lost.records - lost.running;
    if (segment.heir === undefined) {
      if (counted > 0) this.#onDrop(reason, counted, segment.firstSeq, segment.lastSeq);
      this.#files.collect(segment);
      return;
    }
    segment.heir.settled(lost.records);
    if (counted > 0) segment.heir.lost(reason, counted, segment.firstSeq, segment.lastSeq);
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
    if (state !== 'running') this.#onDrop(reason, 1, seq, seq);
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

function note(segment: Segment, time: number): void {
  segment.lastNoteAt = Math.max(segment.lastNoteAt, time);
}
