import { closeSync, unlink, unlinkSync } from 'node:fs';
import { logGuarded } from '../export/guarded-log.ts';
import type { Lane } from '../export/record-queue.ts';
import { untraced } from '../export/untraced.ts';
import type { Segment } from './segment.ts';

/** Running executions that are known one by one, about 1 MB. The starts of any more are kept until the store knows of them. */
const MAX_RUNNING = 10_000;

/** The segments of this instance and of those it has taken over: how many bytes they have, and when they can go. */
export class SpoolFiles {
  readonly #segments = new Map<number, Segment>();
  /** Those of this instance that say what has started, oldest first. */
  readonly #starts: Segment[] = [];
  /** Executions in them that are known to run. */
  #running = 0;
  readonly #bytes: Record<Lane, number> = { first: 0, second: 0 };
  /** Those of {@link #starts}, which are among the bytes of the first lane. */
  #startBytes = 0;
  #lastId = 0;
  #startsStoredAt = 0;
  #lossesStoredNo = 0;
  #unlinkErrors = 0;
  #isEnding = false;

  /** Bytes of all files. */
  get bytes(): number {
    return this.#bytes.first + this.#bytes.second;
  }

  bytesOf(lane: Lane): number {
    return this.#bytes[lane];
  }

  /** Bytes of the files that say what this instance has started. */
  get startBytes(): number {
    return this.#startBytes;
  }

  nextId(): number {
    return ++this.#lastId;
  }

  get(id: number): Segment | undefined {
    return this.#segments.get(id);
  }

  all(): Iterable<Segment> {
    return this.#segments.values();
  }

  add(segment: Segment): void {
    this.#segments.set(segment.id, segment);
    if (segment.slot === 'starts' && segment.heir === undefined) this.#starts.push(segment);
    if (segment.hasFile) this.#count(segment, segment.bytes);
  }

  grow(segment: Segment, bytes: number): void {
    segment.bytes += bytes;
    if (segment.hasFile) this.#count(segment, bytes);
  }

  /** Is told that the frames of a segment are in a file now, and no longer kept in memory. */
  hasFile(segment: Segment): void {
    segment.tail = undefined;
    if (!this.#segments.has(segment.id)) {
      // In the meantime it has become needless.
      this.#unlink(segment.path);
      return;
    }
    segment.hasFile = true;
    this.#count(segment, segment.bytes);
    this.collect(segment);
  }

  /** Is told that nothing more is added to a segment. */
  seal(segment: Segment): void {
    segment.isSealed = true;
    closeFile(segment);
    this.collect(segment);
  }

  /** An execution has started, and a segment says so. */
  started(segment: Segment, recordId: string): void {
    if (segment.running === undefined || segment.running.has(recordId)) return;
    segment.running.add(recordId);
    if (++this.#running <= MAX_RUNNING) return;
    const oldest = this.#starts.find(({ running }) => running !== undefined);
    if (oldest === undefined) return;
    this.#running -= oldest.running?.size ?? 0;
    oldest.running = undefined;
  }

  /** An execution has ended, and a file says so: its start is of use to nobody any more. */
  ended(recordId: string): void {
    // The latest to start are the first to end.
    const segment = this.#starts.findLast(({ running }) => running?.delete(recordId) === true);
    if (segment === undefined) return;
    this.#running--;
    if (segment.running?.size === 0) this.collect(segment);
  }

  /** What started before `time` is known to the store. */
  startsStored(time: number): void {
    if (time <= this.#startsStoredAt) return;
    this.#startsStoredAt = time;
    this.#collectAll();
  }

  /** The losses up to this number are. */
  lossesStored(lossNo: number): void {
    if (lossNo <= this.#lossesStoredNo) return;
    this.#lossesStoredNo = lossNo;
    this.#collectAll();
  }

  /** Whether anybody needs a segment, now or after a crash. */
  isNeeded(segment: Segment): boolean {
    const { unsettled, running, lastStartAt, lastLossNo, repeats } = segment;
    if (unsettled.records > 0 || lastLossNo > this.#lossesStoredNo) return true;
    if (running?.size !== 0 && lastStartAt > 0 && lastStartAt >= this.#startsStoredAt) return true;
    return repeats !== undefined && this.isNeeded(repeats);
  }

  /** Removes a segment that nobody needs any more. */
  collect(segment: Segment): void {
    if (!segment.isSealed || this.isNeeded(segment) || segment.heir?.letsGo() === false) return;
    if (segment.hasFile) this.#unlink(segment.path);
    this.drop(segment);
  }

  /** Leaves a segment out. */
  drop(segment: Segment): void {
    this.#withoutFile(segment);
    segment.tail = undefined;
    this.#segments.delete(segment.id);
    const at = this.#starts.indexOf(segment);
    if (at === -1) return;
    this.#starts.splice(at, 1);
    this.#running -= segment.running?.size ?? 0;
  }

  /** The oldest finished segment that says what this instance has started and has a file. */
  oldestStarts(): Segment | undefined {
    return this.#starts.find(({ isSealed, hasFile }) => isSealed && hasFile);
  }

  /** The oldest segment of the second lane that has a file; it may be open. */
  oldestOfSecondLane(): Segment | undefined {
    let oldest: Segment | undefined;
    for (const segment of this.#segments.values()) {
      if (segment.lane !== 'second' || !segment.hasFile) continue;
      // One that is open is the youngest, and times of others may be equal.
      if (oldest === undefined || segment.openedAt < oldest.openedAt) oldest = segment;
    }
    return oldest;
  }

  /** Is told that the directory of this instance is gone, with all files in it. */
  vanished(): void {
    for (const segment of this.#segments.values()) {
      if (segment.heir === undefined) this.#withoutFile(segment);
    }
  }

  /** Removes the file at once, for the room it takes; what is in memory of its records stays. */
  evict(segment: Segment): void {
    closeFile(segment);
    segment.isSealed = true;
    this.#unlinkAtOnce(segment.path);
    this.#withoutFile(segment);
    this.collect(segment);
  }

  /** What is removed from now on is gone at once: the process may be about to end. */
  ending(): void {
    this.#isEnding = true;
  }

  /** At the end: the files are somebody else's now. */
  clear(): void {
    this.#segments.clear();
    this.#starts.length = 0;
    this.#running = 0;
    Object.assign(this.#bytes, { first: 0, second: 0 });
    this.#startBytes = 0;
  }

  #collectAll(): void {
    for (const segment of this.#segments.values()) this.collect(segment);
  }

  #withoutFile(segment: Segment): void {
    if (!segment.hasFile) return;
    segment.hasFile = false;
    this.#count(segment, -segment.bytes);
  }

  #count({ slot, lane, heir }: Segment, bytes: number): void {
    this.#bytes[lane] += bytes;
    if (slot === 'starts' && heir === undefined) this.#startBytes += bytes;
  }

  #unlinkAtOnce(path: string): void {
    try {
      untraced(() => unlinkSync(path));
    } catch (error) {
      this.#onUnlinkError(error as NodeJS.ErrnoException);
    }
  }

  #unlink(path: string): void {
    if (this.#isEnding) {
      this.#unlinkAtOnce(path);
      return;
    }
    untraced(() =>
      unlink(path, (error) => {
        if (error !== null) this.#onUnlinkError(error);
      }),
    );
  }

  #onUnlinkError({ code }: NodeJS.ErrnoException): void {
    if (code === 'ENOENT' || this.#unlinkErrors++ > 0) return;
    logGuarded(
      'warn',
      () => `files of the spool can not be removed (${code}): they are found again at the next start`,
    );
  }
}

function closeFile(segment: Segment): void {
  if (segment.fd === undefined) return;
  try {
    closeSync(segment.fd);
  } catch {
    // Closed or not, it is not used again.
  }
  segment.fd = undefined;
}
