import type { ExecutionState } from '../execution.ts';
import type { DropReason } from '../export/record-exporter.ts';
import type { Lane } from '../export/record-queue.ts';
import type { SegmentHeader } from './frame-body.ts';
import type { LeftRecords } from './left-records.ts';

/** What a file takes: the records of a lane, or what has started, of which a file is needed for as long as any of it runs. */
export type Slot = Lane | 'starts';

export const SLOTS: readonly Slot[] = ['first', 'second', 'starts'];

/** Records, and how many of them have no `seq`. */
export interface Tally {
  records: number;
  /** Rows that say what runs: delivered, but not counted. */
  running: number;
  suspended: number;
}

export function noRecords(): Tally {
  return { records: 0, running: 0, suspended: 0 };
}

/** A dead instance that a segment was taken over from. */
export interface SegmentHeir {
  /** Is told that records of its segments need no further care. */
  settled(records: number): void;
  /** Whether a file can go whose records are all settled: what else it says is kept elsewhere from then on. */
  letsGo(): boolean;
  /** Is told that what was on disk alone of a segment had to be given up. */
  lost(reason: DropReason, records: number, firstSeq: number, lastSeq: number): void;
}

/**
 * A piece of a lane: frames in a file, of which it is known how many records are not settled and where those begin that
 * are in no memory. It is *open* while frames are added, then *sealed*, and removed when nobody needs it any more.
 */
export interface Segment {
  /** Tells the segments of a queue apart; records in memory carry it. */
  readonly id: number;
  readonly slot: Slot;
  /** Of its records. Starts go before the second lane too, where somebody adopts them. */
  readonly lane: Lane;
  /** Empty until there is a file. */
  path: string;
  /** When it was opened: milliseconds since the Unix epoch, and by a clock that never steps. */
  readonly openedAt: number;
  readonly openedTick: number;
  /** What its records do not say themselves. */
  readonly header: SegmentHeader;
  /** Where it was taken over from; undefined for one of this instance's own. */
  readonly heir: SegmentHeir | undefined;
  /** Open for writing. */
  fd: number | undefined;
  isSealed: boolean;
  /** Whether its file is there. */
  hasFile: boolean;
  /** Its frames, where they could not be written to a file yet. Without a file and without these, its records are in memory alone. */
  tail: Buffer | undefined;
  /** Seqs of records whose frames are among these though they were dropped: they are not to come back. */
  droppedSeqs: Set<number> | undefined;
  /** An older segment whose last frames are also in this one. */
  repeats: Segment | undefined;
  bytes: number;
  readonly unsettled: Tally;
  /** What is on disk alone, and where that begins. */
  readonly unread: Tally;
  unreadFrom: number;
  /** No record there has a lower seq. */
  unreadSeq: number;
  /** What memory had to let go: on disk alone, before what else is. It is read once the rest of its lane is delivered. */
  readonly left: Tally;
  /** Which records that is, and was before it was taken up again; undefined where there are none. */
  leftRecords: LeftRecords | undefined;
  /** Whether {@link unread} is what was {@link left}: of what is read then, the rest is known already. */
  readsLeft: boolean;
  /** Lowest and highest seq of its records, 0 where none has one. */
  firstSeq: number;
  lastSeq: number;
  /** Executions that started in it and have not ended, by the ids of their records; undefined where they are too many to know. */
  running: Set<string> | undefined;
  /** The latest time of a start in it, and the highest number of a loss: the store has to know them before it goes. 0 without. */
  lastStartAt: number;
  lastLossNo: number;
}

/** Where a frame was put. */
export interface Placed {
  readonly segment: Segment;
  readonly from: number;
}

type Identity = Pick<Segment, 'id' | 'slot' | 'path' | 'openedAt' | 'openedTick' | 'header' | 'heir'>;

/** A segment without frames. */
export function emptySegment(identity: Identity): Segment {
  return {
    ...identity,
    lane: laneOfSlot(identity.slot),
    fd: undefined,
    isSealed: false,
    hasFile: false,
    tail: undefined,
    droppedSeqs: undefined,
    repeats: undefined,
    bytes: 0,
    unsettled: noRecords(),
    unread: noRecords(),
    left: noRecords(),
    leftRecords: undefined,
    readsLeft: false,
    unreadFrom: 0,
    unreadSeq: 0,
    firstSeq: 0,
    lastSeq: 0,
    running: new Set(),
    lastStartAt: 0,
    lastLossNo: 0,
  };
}

/** Counts a record up (`by` 1) or down (-1). */
export function tally(counts: Tally, state: ExecutionState, by: 1 | -1): void {
  counts.records += by;
  if (state === 'running') counts.running += by;
  else if (state === 'suspended') counts.suspended += by;
}

/** Takes what `part` counts off `counts`. */
export function subtract(counts: Tally, part: Tally): void {
  counts.records -= part.records;
  counts.running -= part.running;
  counts.suspended -= part.suspended;
}

export function sum(one: Tally, other: Tally): Tally {
  return {
    records: one.records + other.records,
    running: one.running + other.running,
    suspended: one.suspended + other.suspended,
  };
}

/** Widens the range of a segment's seqs. */
export function noteSeq(segment: Segment, seq: number): void {
  if (seq === 0) return;
  if (segment.firstSeq === 0 || seq < segment.firstSeq) segment.firstSeq = seq;
  if (seq > segment.lastSeq) segment.lastSeq = seq;
}

const LETTERS: Readonly<Record<Slot, string>> = { first: 'F', second: 'S', starts: 'R' };
const NAME = /^([FSR])-(\d{6,15})\.seg$/;

/** The name of a segment's file. Names of a slot are in the order of their making. */
export function segmentName(slot: Slot, number: number): string {
  return `${LETTERS[slot]}-${String(number).padStart(6, '0')}.seg`;
}

/** The slot that a file's name stands for; undefined where it is no segment's. */
export function slotOfName(name: string): Slot | undefined {
  const [, letter] = NAME.exec(name) ?? [];
  return letter === undefined ? undefined : SLOTS.find((slot) => LETTERS[slot] === letter);
}

export function laneOfSlot(slot: Slot): Lane {
  return slot === 'second' ? 'second' : 'first';
}
