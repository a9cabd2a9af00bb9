import type { ExecutionRecord } from '../records/execution-record.ts';
import { RecordLane } from './record-lane.ts';
import {
  type DropListener,
  laneOf,
  type QueueRemains,
  type QueueStats,
  type RecordBatch,
  type RecordQueue,
  type TakeLimit,
} from './record-queue.ts';
import { recordSize } from './record-size.ts';

export interface MemoryQueueLimits {
  readonly maxQueueSize: number;
  readonly maxQueueBytes: number;
}

/** So many records, of so many bytes. */
interface Amount {
  records: number;
  bytes: number;
}

/** A taken batch: its first `firstCount` records are of the first lane, the others of the second. */
interface MemoryBatch extends RecordBatch {
  readonly records: ExecutionRecord[];
  readonly sizes: number[];
  firstCount: number;
  firstBytes: number;
  bytes: number;
  /** 1 where the record was settled; made when the first part of the batch is. */
  settled: Uint8Array | undefined;
  unsettled: number;
}

/**
 * A bounded queue in memory. Full, it drops the oldest ok step; then it refuses new ok steps; and when records of
 * the first lane alone fill it, it refuses the newest of those, since the first failures are the root causes.
 *
 * Ok steps in flight can not be taken back, so a record of the first lane is let in over their head: the bound is
 * exceeded by the ok steps in flight at most, until those are settled or given back and trimmed.
 */
export class MemoryRecordQueue implements RecordQueue {
  readonly durability = 'memory';
  readonly #limits: MemoryQueueLimits;
  readonly #onDrop: DropListener;
  readonly #first = new RecordLane();
  readonly #second = new RecordLane();
  readonly #inFlight = new Set<MemoryBatch>();
  #firstInFlight: Amount = { records: 0, bytes: 0 };
  #secondInFlight: Amount = { records: 0, bytes: 0 };
  #closed = false;

  constructor(limits: MemoryQueueLimits, onDrop: DropListener) {
    this.#limits = limits;
    this.#onDrop = onDrop;
  }

  get waiting(): number {
    return this.#first.length + this.#second.length;
  }

  append(record: ExecutionRecord): void {
    const size = recordSize(record);
    const lane = laneOf(record) === 'first' ? this.#first : this.#second;
    if (this.#closed || !this.#canHold(lane, size)) {
      this.#onDrop('queue_full', 1, record.seq, record.seq);
      return;
    }
    this.#evictFor(1, size);
    lane.push(record, size);
  }

  take(limit: TakeLimit): RecordBatch | undefined {
    if (this.waiting === 0) return undefined;
    const batch: MemoryBatch = {
      records: [],
      sizes: [],
      firstCount: 0,
      firstBytes: 0,
      bytes: 0,
      settled: undefined,
      unsettled: 0,
    };
    this.#move(this.#first, batch, limit);
    batch.firstCount = batch.records.length;
    batch.firstBytes = batch.bytes;
    this.#move(this.#second, batch, limit);
    const { firstCount, firstBytes, records, bytes } = batch;
    add(this.#firstInFlight, firstCount, firstBytes);
    add(this.#secondInFlight, records.length - firstCount, bytes - firstBytes);
    batch.unsettled = batch.records.length;
    this.#inFlight.add(batch);
    return batch;
  }

  settle(batch: RecordBatch, positions?: readonly number[]): number {
    const taken = batch as MemoryBatch;
    if (!this.#inFlight.has(taken)) return 0;
    const before = taken.unsettled;
    if (positions !== undefined) {
      for (const position of positions) this.#settleOne(taken, position);
    } else if (taken.settled === undefined) {
      this.#settleAll(taken);
    } else {
      for (let position = 0; position < taken.records.length; position++) this.#settleOne(taken, position);
    }
    if (taken.unsettled === 0) this.#inFlight.delete(taken);
    return before - taken.unsettled;
  }

  giveBack(batch: RecordBatch): void {
    const taken = batch as MemoryBatch;
    if (!this.#inFlight.has(taken)) return;
    for (let position = taken.records.length - 1; position >= 0; position--) {
      const record = taken.records[position];
      if (record === undefined || !this.#settleOne(taken, position)) continue;
      const lane = position < taken.firstCount ? this.#first : this.#second;
      lane.unshift(record, taken.sizes[position] ?? 0);
    }
    this.#inFlight.delete(taken);
    this.#evictFor(0, 0);
  }

  stats(): QueueStats {
    return {
      records: this.#records,
      bytes: this.#bytes,
      spooled: 0,
      spoolBytes: 0,
      spoolSince: undefined,
      fill: Math.max(this.#records / this.#limits.maxQueueSize, this.#bytes / this.#limits.maxQueueBytes),
      oldestSeq: this.#oldestSeq(),
    };
  }

  close(): QueueRemains {
    const dropped = this.#records;
    this.#closed = true;
    this.#first.clear();
    this.#second.clear();
    this.#inFlight.clear();
    this.#firstInFlight = { records: 0, bytes: 0 };
    this.#secondInFlight = { records: 0, bytes: 0 };
    return { left: 0, dropped };
  }

  get #records(): number {
    return this.waiting + this.#firstInFlight.records + this.#secondInFlight.records;
  }

  get #bytes(): number {
    return this.#first.bytes + this.#second.bytes + this.#firstInFlight.bytes + this.#secondInFlight.bytes;
  }

  /** Whether a record fits once every ok step that can be evicted is. */
  #canHold(lane: RecordLane, size: number): boolean {
    let records = this.#first.length + this.#firstInFlight.records + 1;
    let bytes = this.#first.bytes + this.#firstInFlight.bytes + size;
    if (lane === this.#second) {
      records += this.#secondInFlight.records;
      bytes += this.#secondInFlight.bytes;
    }
    return records <= this.#limits.maxQueueSize && bytes <= this.#limits.maxQueueBytes;
  }

  #evictFor(records: number, bytes: number): void {
    const { maxQueueSize, maxQueueBytes } = this.#limits;
    while (
      this.#second.length > 0 &&
      (this.#records + records > maxQueueSize || this.#bytes + bytes > maxQueueBytes)
    ) {
      const { seq = 0 } = this.#second.shift() ?? {};
      this.#onDrop('queue_full', 1, seq, seq);
    }
  }

  #move(lane: RecordLane, batch: MemoryBatch, limit: TakeLimit): void {
    while (lane.length > 0) {
      const size = lane.headSize;
      const isFull = batch.records.length >= limit.records || batch.bytes + size > limit.bytes;
      if (isFull && batch.records.length > 0) return;
      const record = lane.shift();
      if (record === undefined) return;
      batch.records.push(record);
      batch.sizes.push(size);
      batch.bytes += size;
    }
  }

  /** The usual case, without a look at each record. */
  #settleAll(batch: MemoryBatch): void {
    const { firstCount, firstBytes, records, bytes } = batch;
    add(this.#firstInFlight, -firstCount, -firstBytes);
    add(this.#secondInFlight, firstCount - records.length, firstBytes - bytes);
    batch.unsettled = 0;
  }

  /** Takes one record of a batch off what is in flight; false where that was done before. */
  #settleOne(batch: MemoryBatch, position: number): boolean {
    const size = batch.sizes[position];
    if (size === undefined) return false;
    batch.settled ??= new Uint8Array(batch.records.length);
    if (batch.settled[position] === 1) return false;
    batch.settled[position] = 1;
    batch.unsettled--;
    const inFlight = position < batch.firstCount ? this.#firstInFlight : this.#secondInFlight;
    add(inFlight, -1, -size);
    return true;
  }

  /** Lanes are in order of `seq`, and a batch holds a piece of each, so only their first records matter. */
  #oldestSeq(): number | undefined {
    const seqs = [this.#first.head?.seq, this.#second.head?.seq];
    for (const batch of this.#inFlight) {
      seqs.push(batch.records[0]?.seq, batch.records[batch.firstCount]?.seq);
    }
    const known = seqs.filter((seq) => seq !== undefined);
    return known.length === 0 ? undefined : Math.min(...known);
  }
}

function add(amount: Amount, records: number, bytes: number): void {
  amount.records += records;
  amount.bytes += bytes;
}
