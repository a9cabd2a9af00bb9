import type { RecordBatch } from '../export/record-queue.ts';
import type { ExecutionRecord } from '../records/execution-record.ts';
import type { Segment } from './segment.ts';
import type { SpoolLane } from './spool-lane.ts';

/** Records of one lane in a batch, `from` up to `end`. */
interface BatchPart {
  readonly lane: SpoolLane;
  readonly from: number;
  readonly end: number;
  readonly bytes: number;
}

/** Records taken out, with the segments they belong to. */
export class SpoolBatch implements RecordBatch {
  readonly records: ExecutionRecord[] = [];
  readonly sizes: number[] = [];
  readonly segments: (Segment | undefined)[] = [];
  readonly #parts: BatchPart[] = [];
  #partBytes = 0;
  #settled: Uint8Array | undefined;
  bytes = 0;
  unsettled = 0;

  add(record: ExecutionRecord, size: number, segment: Segment | undefined): void {
    this.records.push(record);
    this.sizes.push(size);
    this.segments.push(segment);
    this.bytes += size;
    this.unsettled++;
  }

  /** Says that what was added since the last part came from a lane. */
  endPart(lane: SpoolLane): void {
    const from = this.#parts.at(-1)?.end ?? 0;
    const end = this.records.length;
    if (end > from) this.#parts.push({ lane, from, end, bytes: this.bytes - this.#partBytes });
    this.#partBytes = this.bytes;
  }

  /** The lane a record came from. */
  laneAt(position: number): SpoolLane | undefined {
    return this.#parts.find(({ end }) => position < end)?.lane;
  }

  /** What of a lane is not settled. Cheap until the first record of the batch is. */
  unsettledOf(lane: SpoolLane): { readonly records: number; readonly bytes: number } {
    const part = this.#parts.find((each) => each.lane === lane);
    if (part === undefined) return { records: 0, bytes: 0 };
    let { bytes } = part;
    let records = part.end - part.from;
    if (this.#settled === undefined) return { records, bytes };
    for (let position = part.from; position < part.end; position++) {
      if (this.#settled[position] !== 1) continue;
      records--;
      bytes -= this.sizes[position] ?? 0;
    }
    return { records, bytes };
  }

  /** The lowest seq of a lane's records in it, settled or not; undefined where there is none that is counted. */
  lowestSeq(lane: SpoolLane): number | undefined {
    const part = this.#parts.find((each) => each.lane === lane);
    if (part === undefined) return undefined;
    return this.records.slice(part.from, part.end).find(({ state }) => state !== 'running')?.seq;
  }

  /** Marks a record as settled; false where it was before, or where there is none. */
  settle(position: number): boolean {
    if (this.records[position] === undefined) return false;
    this.#settled ??= new Uint8Array(this.records.length);
    if (this.#settled[position] === 1) return false;
    this.#settled[position] = 1;
    this.unsettled--;
    return true;
  }
}
