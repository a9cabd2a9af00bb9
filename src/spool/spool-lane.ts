import { RecordLane } from '../export/record-lane.ts';
import type { ExecutionRecord } from '../records/execution-record.ts';
import { noRecords, type Segment, subtract, tally } from './segment.ts';

/**
 * One lane of records that wait, in the order they came: first those in memory, then those on disk alone. While
 * anything is on disk alone, new records join it there, or they would be delivered before it.
 */
export class SpoolLane {
  readonly #memory = new RecordLane();
  readonly #inMemory = noRecords();
  /** Segments with records on disk alone, oldest first. */
  readonly #spilled: Segment[] = [];
  readonly unread = noRecords();
  #takenSeq = 0;

  get waiting(): number {
    return this.#memory.length + this.unread.records;
  }

  /** Records in memory, and their bytes. */
  get cached(): { readonly records: number; readonly bytes: number } {
    return { records: this.#memory.length, bytes: this.#memory.bytes };
  }

  /** Size of the next record in memory; undefined where there is none. */
  get nextSize(): number | undefined {
    return this.#memory.length === 0 ? undefined : this.#memory.headSize;
  }

  /** The id of its segment. */
  get nextSegmentId(): number {
    return this.#memory.headMark;
  }

  /** The segment whose records come next from disk; undefined where all are in memory. */
  get nextSpilled(): Segment | undefined {
    return this.#spilled[0];
  }

  /** No counted record that waits has a lower seq, and 0 while one has none; undefined where there is none. */
  get lowestSeq(): number | undefined {
    const head = this.#memory.head;
    if (head !== undefined && head.state !== 'running') return head.seq;
    if (this.#inMemory.records > this.#inMemory.running) {
      return this.#inMemory.suspended > 0 ? 0 : this.#takenSeq + 1;
    }
    if (this.unread.records === this.unread.running) return undefined;
    return this.unread.suspended > 0 ? 0 : this.#spilled[0]?.unreadSeq;
  }

  push(record: ExecutionRecord, size: number, segment: Segment): void {
    this.#memory.push(record, size, segment.id);
    tally(this.#inMemory, record.state, 1);
  }

  /** Puts a record back in front of the others. */
  unshift(record: ExecutionRecord, size: number, segmentId: number): void {
    this.#memory.unshift(record, size, segmentId);
    tally(this.#inMemory, record.state, 1);
    if (record.seq > 0) this.#takenSeq = Math.min(this.#takenSeq, record.seq - 1);
  }

  shift(): ExecutionRecord | undefined {
    const record = this.#memory.shift();
    if (record === undefined) return undefined;
    tally(this.#inMemory, record.state, -1);
    if (record.seq > 0) this.#takenSeq = record.seq;
    return record;
  }

  /** Is told of a record that was added to the end of a segment, at `from`, and is kept nowhere else. */
  spill(segment: Segment, from: number, { state, seq }: ExecutionRecord): void {
    if (segment.unread.records === 0) {
      segment.unreadFrom = from;
      segment.unreadSeq = seq;
      this.#spilled.push(segment);
    }
    tally(segment.unread, state, 1);
    tally(this.unread, state, 1);
  }

  /** Takes over a sealed segment, all of which is to be read. */
  adopt(segment: Segment): void {
    if (segment.unread.records === 0) return;
    this.#spilled.push(segment);
    this.unread.records += segment.unread.records;
    this.unread.running += segment.unread.running;
    this.unread.suspended += segment.unread.suspended;
  }

  /** Moves a record that was read from the next spilled segment into memory. */
  load(segment: Segment, record: ExecutionRecord, size: number): void {
    tally(segment.unread, record.state, -1);
    tally(this.unread, record.state, -1);
    if (record.seq > 0) segment.unreadSeq = record.seq + 1;
    if (segment.unread.records === 0) this.#leave(segment);
    this.push(record, size, segment);
  }

  /** Leaves out what is on disk alone of a segment. */
  giveUp(segment: Segment): void {
    subtract(this.unread, segment.unread);
    Object.assign(segment.unread, noRecords());
    this.#leave(segment);
  }

  clear(): void {
    this.#memory.clear();
    this.#spilled.length = 0;
    Object.assign(this.#inMemory, noRecords());
    Object.assign(this.unread, noRecords());
  }

  /** The oldest segment with records that are in no file and not among those in memory either. */
  get nextTail(): Segment | undefined {
    return this.#spilled.find(({ tail }) => tail !== undefined);
  }

  #leave(segment: Segment): void {
    const at = this.#spilled.indexOf(segment);
    if (at !== -1) this.#spilled.splice(at, 1);
  }
}
