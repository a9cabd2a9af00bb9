import type { ExecutionRecord } from '../records/execution-record.ts';

/** Slots of a chunk. Appending to chunks costs the same at any length; an array that is spliced does not. */
const CHUNK_SLOTS = 512;

interface Chunk {
  readonly records: (ExecutionRecord | undefined)[];
  readonly sizes: Uint32Array;
  readonly marks: Uint32Array;
  /** First used slot, and the slot after the last used one. */
  start: number;
  end: number;
  next: Chunk | undefined;
}

/**
 * A first-in first-out list of records with their sizes, and a number of the owner's own for each, in linked chunks.
 * Every call is O(1).
 */
export class RecordLane {
  #head: Chunk = chunkAt(0);
  #tail: Chunk = this.#head;
  #length = 0;
  #bytes = 0;

  get length(): number {
    return this.#length;
  }

  /** Sum of the sizes. */
  get bytes(): number {
    return this.#bytes;
  }

  /** The oldest record, or undefined when empty. */
  get head(): ExecutionRecord | undefined {
    return this.#head.records[this.#head.start];
  }

  /** Size of the oldest record, 0 when empty. */
  get headSize(): number {
    return this.#length === 0 ? 0 : (this.#head.sizes[this.#head.start] ?? 0);
  }

  /** The number that came with the oldest record, 0 when empty. */
  get headMark(): number {
    return this.#length === 0 ? 0 : (this.#head.marks[this.#head.start] ?? 0);
  }

  push(record: ExecutionRecord, size: number, mark = 0): void {
    if (this.#tail.end === CHUNK_SLOTS) {
      const chunk = chunkAt(0);
      this.#tail.next = chunk;
      this.#tail = chunk;
    }
    this.#put(this.#tail, this.#tail.end++, record, size, mark);
  }

  /** Puts a record back in front of the oldest. */
  unshift(record: ExecutionRecord, size: number, mark = 0): void {
    if (this.#head.start === 0) {
      const chunk = chunkAt(CHUNK_SLOTS);
      chunk.next = this.#head;
      this.#head = chunk;
    }
    this.#put(this.#head, --this.#head.start, record, size, mark);
  }

  /** Takes the oldest record out. */
  shift(): ExecutionRecord | undefined {
    const oldest = this.head;
    if (oldest === undefined) return undefined;
    const chunk = this.#head;
    this.#length--;
    this.#bytes -= chunk.sizes[chunk.start] ?? 0;
    chunk.records[chunk.start++] = undefined;
    if (chunk.start === chunk.end) this.#leave(chunk);
    return oldest;
  }

  clear(): void {
    this.#head = chunkAt(0);
    this.#tail = this.#head;
    this.#length = 0;
    this.#bytes = 0;
  }

  #put(chunk: Chunk, slot: number, record: ExecutionRecord, size: number, mark: number): void {
    chunk.records[slot] = record;
    chunk.sizes[slot] = size;
    chunk.marks[slot] = mark;
    this.#length++;
    this.#bytes += size;
  }

  /** The last chunk is used again, so a queue that is emptied as fast as it fills allocates nothing. */
  #leave(chunk: Chunk): void {
    if (chunk.next === undefined) {
      chunk.start = 0;
      chunk.end = 0;
      return;
    }
    this.#head = chunk.next;
  }
}

function chunkAt(start: number): Chunk {
  return {
    records: new Array(CHUNK_SLOTS).fill(undefined),
    sizes: new Uint32Array(CHUNK_SLOTS),
    marks: new Uint32Array(CHUNK_SLOTS),
    start,
    end: start,
    next: undefined,
  };
}
