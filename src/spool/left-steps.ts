import type { ExecutionRecord } from '../records/execution-record.ts';
import { LeftRecords } from './left-records.ts';
import { noRecords, type Segment, tally } from './segment.ts';
import type { SpoolLane } from './spool-lane.ts';

/** Steps that memory had to let go and that are in files: they are read back once their lane has nothing else. */
export class LeftSteps {
  readonly #segments = new Set<Segment>();

  get count(): number {
    let count = 0;
    for (const { left } of this.#segments) count += left.records;
    return count;
  }

  /** No step of this instance's own among them has a lower seq; undefined where there is none. */
  get lowestSeq(): number | undefined {
    let lowest: number | undefined;
    for (const { heir, firstSeq } of this.#segments) {
      if (heir === undefined) lowest = Math.min(lowest ?? firstSeq, firstSeq);
    }
    return lowest;
  }

  /** Leaves a step to the file of its segment; false where it would not be found again. */
  add(segment: Segment, record: ExecutionRecord): boolean {
    segment.leftRecords ??= new LeftRecords(segment.firstSeq);
    if (!segment.leftRecords.add(record)) return false;
    tally(segment.left, record.state, 1);
    this.#segments.add(segment);
    return true;
  }

  /** Has a lane, of this instance's own steps or of adopted ones, read what was left of it. */
  takeUp(lane: SpoolLane, isAdopted: boolean): void {
    for (const segment of this.#segments) {
      if ((segment.heir !== undefined) !== isAdopted) continue;
      Object.assign(segment.unread, segment.left);
      Object.assign(segment, { unreadFrom: 0, unreadSeq: segment.firstSeq, readsLeft: true });
      Object.assign(segment.left, noRecords());
      lane.adopt(segment);
      this.#segments.delete(segment);
    }
  }

  /** Nothing is left of a segment any more. */
  forget(segment: Segment): void {
    this.#segments.delete(segment);
    segment.leftRecords = undefined;
    Object.assign(segment.left, noRecords());
  }

  clear(): void {
    this.#segments.clear();
  }
}
