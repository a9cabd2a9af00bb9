import { constants } from 'node:fs';
import { lstat, open, readdir } from 'node:fs/promises';
import { basename, join } from 'node:path';
import type { Lane } from '../export/record-queue.ts';
import type { RecordLoss } from '../store/record-store.ts';
import { FRAME_HEADER_BYTES, isFromNewerVersion, MAX_BODY_BYTES, visitFrames } from './frame.ts';
import { headerFromBody, isFromNewerSchema, lossFromBody, type SegmentHeader } from './frame-body.ts';
import { INSTANCE_FILE } from './instance-directory.ts';
import { laneOfSlot, type Slot, slotOfName } from './segment.ts';

/** What a file of a dead instance holds. */
export interface ScannedSegment {
  readonly slot: Slot;
  readonly path: string;
  openedAt: number;
  bytes: number;
  /** Frames of any kind. */
  frames: number;
  /** Records; those of suspended executions among them; rows that say what runs, which are not. */
  records: number;
  suspended: number;
  running: number;
  firstSeq: number;
  lastSeq: number;
}

/** Damage in the files of a dead instance. */
export interface Damage {
  bytes: number;
  /** How many records the damaged bytes held, at a guess, and between which seqs. */
  records: number;
  firstSeq: number;
  lastSeq: number;
}

/** What the directory of a dead instance holds. */
export interface ScannedDirectory {
  header: SegmentHeader | undefined;
  /** When it was last known to live. */
  heartbeatAt: number;
  readonly segments: ScannedSegment[];
  readonly losses: Map<number, RecordLoss>;
  readonly damage: Damage;
  /** The highest seq of each lane in the files read so far. */
  readonly lastSeqs: Record<Lane, number>;
}

/** Files that a newer version wrote: they are for it to read. */
class NewerSpoolError extends Error {
  override readonly name = 'NewerSpoolError';
}

/** Why a file can not be read just now. */
const SHORTAGES = new Set(['EMFILE', 'ENFILE', 'ENOMEM', 'EAGAIN']);
const CHUNK_BYTES = 128 * 1024;
const LONGEST_FRAME = FRAME_HEADER_BYTES + MAX_BODY_BYTES;

/**
 * Reads all files of a directory, in small pieces, and counts what they hold. Bodies of records are checked but not
 * parsed, so it takes about a millisecond for each megabyte and no memory to speak of. Rejects as the file system does, and
 * for files of a newer version.
 */
export async function scanDirectory(directory: string): Promise<ScannedDirectory> {
  const scanned: ScannedDirectory = {
    header: undefined,
    heartbeatAt: 0,
    segments: [],
    losses: new Map(),
    damage: { bytes: 0, records: 0, firstSeq: 0, lastSeq: 0 },
    lastSeqs: { first: 0, second: 0 },
  };
  const names = (await readdir(directory)).sort();
  for (const name of names) {
    const slot = slotOfName(name);
    if (slot === undefined && name !== INSTANCE_FILE) continue;
    const path = join(directory, name);
    const stat = await lstat(path);
    if (!stat.isFile()) continue;
    scanned.heartbeatAt = Math.max(scanned.heartbeatAt, Math.floor(stat.mtimeMs));
    const segment: ScannedSegment = {
      slot: slot ?? 'first',
      path,
      openedAt: 0,
      bytes: 0,
      frames: 0,
      records: 0,
      suspended: 0,
      running: 0,
      firstSeq: 0,
      lastSeq: 0,
    };
    try {
      await scanFile(segment, scanned);
    } catch (error) {
      // What is short now may not be later; a file that can not be read is damaged.
      const { code = '' } = error as NodeJS.ErrnoException;
      if (error instanceof NewerSpoolError || SHORTAGES.has(code)) throw error;
      scanned.damage.bytes += stat.size;
    }
    if (slot === undefined) continue;
    scanned.segments.push(segment);
    const lane = laneOfSlot(slot);
    scanned.lastSeqs[lane] = Math.max(scanned.lastSeqs[lane], segment.lastSeq);
  }
  return scanned;
}

async function scanFile(segment: ScannedSegment, scanned: ScannedDirectory): Promise<void> {
  const file = await open(segment.path, constants.O_RDONLY | constants.O_NOFOLLOW);
  const chunk = Buffer.allocUnsafeSlow(CHUNK_BYTES);
  try {
    const { size } = await file.stat();
    segment.bytes = size;
    let wanted = CHUNK_BYTES;
    let isNewer = false;
    for (let at = 0; at < size; ) {
      const buffer = wanted > CHUNK_BYTES ? Buffer.allocUnsafeSlow(wanted) : chunk;
      const { bytesRead } = await file.read(buffer, 0, Math.min(wanted, size - at), at);
      if (bytesRead === 0) return;
      if (at === 0) isNewer = isFromNewerVersion(buffer.subarray(0, bytesRead));
      const isLast = at + bytesRead >= size || wanted === LONGEST_FRAME;
      const done = scanFrames(buffer.subarray(0, bytesRead), isLast, segment, scanned);
      if (isLast) at += bytesRead;
      else at += done;
      // A frame that is longer than what was read: twice as much, then.
      wanted = done === 0 ? Math.min(wanted * 2, LONGEST_FRAME) : CHUNK_BYTES;
    }
    // Where other frames are ours, that one is damaged, and so it may be where it is the only one.
    if (isNewer && segment.frames === 0 && basename(segment.path) !== INSTANCE_FILE)
      throw new NewerSpoolError(segment.path);
  } finally {
    await file.close();
  }
}

function scanFrames(
  bytes: Buffer,
  isLast: boolean,
  segment: ScannedSegment,
  scanned: ScannedDirectory,
): number {
  return visitFrames(bytes, isLast, {
    frame(kind, seq, from, to) {
      segment.frames++;
      if (kind === 'record') {
        segment.records++;
        if (seq === 0) segment.suspended++;
        noteSeq(segment, seq);
        return;
      }
      if (kind === 'start' || kind === 'running') {
        segment.running++;
        return;
      }
      const body = bytes.toString('utf8', from + FRAME_HEADER_BYTES, to);
      if (kind === 'header') {
        noteHeader(segment, scanned, headerFromBody(body));
        return;
      }
      const loss = lossFromBody(body);
      if (loss !== undefined) scanned.losses.set(loss.lossNo, loss);
    },
    damaged(count, records) {
      const { damage } = scanned;
      damage.bytes += count;
      damage.records += records;
      if (records === 0) return;
      // Seqs grow along a lane, so the lost ones come after the last that was found.
      const last = Math.max(segment.lastSeq, scanned.lastSeqs[laneOfSlot(segment.slot)]);
      damage.firstSeq = damage.firstSeq === 0 ? last + 1 : Math.min(last + 1, damage.firstSeq);
      damage.lastSeq = Math.max(damage.lastSeq, last + records);
    },
  });
}

function noteSeq(segment: ScannedSegment, seq: number): void {
  if (seq === 0) return;
  if (segment.firstSeq === 0) segment.firstSeq = seq;
  if (seq > segment.lastSeq) segment.lastSeq = seq;
}

function noteHeader(
  segment: ScannedSegment,
  scanned: ScannedDirectory,
  header: SegmentHeader | undefined,
): void {
  if (header === undefined) return;
  if (isFromNewerSchema(header)) throw new NewerSpoolError(segment.path);
  if (segment.openedAt === 0) segment.openedAt = header.openedAt;
  scanned.header ??= header;
  for (const loss of header.losses ?? []) scanned.losses.set(loss.lossNo, loss);
  if (header.lastSeq === undefined || header.lastSeq <= (scanned.header.lastSeq ?? 0)) return;
  scanned.header = header;
}
