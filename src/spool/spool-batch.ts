import type { RecordBatch } from '../export/record-queue.ts';
import type { ExecutionRecord } from '../records/execution-record.ts';
import type { Segment } from './segment.ts';
import type { SpoolLane } from './spool-lane.ts';

/** Records of one lane in a batch: those from the end of the part before up to `end`. */
interface BatchPart {
  readonly lane: SpoolLane;
  readonly end: number;
}

/** Records taken out, with the segments they belong to. */
export class SpoolBatch implements RecordBatch {
  readonly records: ExecutionRecord[] = [];
  readonly sizes: number[] = [];
  readonly segments: (Segment | undefined)[] = [];
  readonly #parts: BatchPart[] = [];
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
    const end = this.records.length;
    if (end > (this.#parts.at(-1)?.end ?? 0)) this.#parts.push({ lane, end });
  }

  /** The lane a record came from. */
  laneAt(position: number): SpoolLane | undefined {
    return this.#parts.find(({ end }) => position < end)?.lane;
  }

  /** What of a lane is not settled. */
  unsettledOf(lane: SpoolLane): { readonly records: number; readonly bytes: number } {
    let records = 0;
    let bytes = 0;
    for (const [position, size] of this.sizes.entries()) {
      if (this.#settled?.[position] === 1 || this.laneAt(position) !== lane) continue;
      records++;
      bytes += size;
    }
    return { records, bytes };
  }

  /** The lowest seq of a lane's records in it, settled or not; undefined where there is none that is counted. */
  lowestSeq(lane: SpoolLane): number | undefined {
    let from = 0;
    for (const part of this.#parts) {
      if (part.lane === lane) {
        return this.records.slice(from, part.end).find(({ state }) => state !== 'running')?.seq;
      }
      from = part.end;
    }
    return undefined;
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
