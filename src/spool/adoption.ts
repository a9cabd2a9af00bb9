import { readdirSync, utimesSync, writeFileSync } from 'node:fs';
import { lstat, rm, rmdir } from 'node:fs/promises';
import { basename, join } from 'node:path';
import type { DropReason } from '../export/record-exporter.ts';
import type { AdoptedInstance } from '../export/record-queue.ts';
import { RECORD_SCHEMA_VERSION, type RecordSource } from '../records/execution-record.ts';
import type { LedgerInstance, RecordLoss } from '../store/record-store.ts';
import { FrameEncoder } from './frame.ts';
import type { SegmentHeader } from './frame-body.ts';
import { INSTANCE_FILE } from './instance-directory.ts';
import { type InstanceLock, isLockFile, lockDirectory } from './instance-lock.ts';
import { type ScannedDirectory, scanDirectory } from './orphan-scan.ts';
import { emptySegment, type Segment, type SegmentHeir, slotOfName } from './segment.ts';

/** A directory that has been without a lock for so long will not get one. Milliseconds. */
const ABANDONED_MILLIS = 60_000;

/** A dead instance whose directory this process has locked, with what was found there. */
export class Adoption implements AdoptedInstance, SegmentHeir {
  readonly instance: LedgerInstance;
  readonly records: number;
  readonly segments: readonly Segment[];
  readonly path: string;
  /** Bytes of its files that can not be read. */
  readonly damagedBytes: number;
  readonly #lock: InstanceLock;
  readonly #header: SegmentHeader;
  readonly #losses: RecordLoss[];
  #unsettled = 0;
  /** Whether the directory says by itself what its files say of the instance. */
  #hasWord = false;

  constructor(path: string, lock: InstanceLock, scanned: ScannedDirectory, nextId: () => number) {
    const header = scanned.header ?? headerFromName(basename(path));
    this.path = path;
    this.#header = header;
    this.#lock = lock;
    this.#losses = [...scanned.losses.values()];
    this.segments = scanned.segments.map((file) => {
      const openedAt = file.openedAt > 0 ? file.openedAt : scanned.heartbeatAt;
      const identity = { id: nextId(), slot: file.slot, path: file.path, openedAt, openedTick: 0 };
      const segment = emptySegment({ ...identity, header, heir: this });
      const counts = {
        records: file.records + file.running,
        running: file.running,
        suspended: file.suspended,
      };
      Object.assign(segment.unsettled, counts);
      Object.assign(segment.unread, counts);
      segment.isSealed = true;
      segment.hasFile = true;
      segment.bytes = file.bytes;
      segment.firstSeq = file.firstSeq;
      segment.lastSeq = file.lastSeq;
      this.#unsettled += counts.records;
      return segment;
    });
    const { damage } = scanned;
    this.damagedBytes = damage.bytes;
    const { instanceId, writer, startedAt, durability } = header;
    if (damage.records > 0)
      this.#lose('corrupt_frame', damage.records, damage.firstSeq, damage.lastSeq, instanceId);
    this.records = scanned.segments.reduce((sum, { records }) => sum + records, 0);
    const lastSeqs = [...this.segments, ...this.#losses].map(({ lastSeq }) => lastSeq);
    this.instance = {
      instanceId,
      serviceName: writer.serviceName,
      serviceVersion: writer.serviceVersion,
      host: writer.host,
      pid: writer.pid,
      durability,
      startedAt,
      heartbeatAt: scanned.heartbeatAt,
      endedAt: scanned.heartbeatAt,
      lastSeq: Math.max(header.lastSeq ?? 0, ...lastSeqs),
      sampledOut: 0,
    };
  }

  get losses(): readonly RecordLoss[] {
    return this.#losses;
  }

  get isSettled(): boolean {
    return this.#unsettled === 0;
  }

  settled(records: number): void {
    this.#unsettled -= records;
  }

  lost(reason: DropReason, records: number, firstSeq: number, lastSeq: number): void {
    this.#lose(reason, records, firstSeq, lastSeq, this.instance.instanceId);
    this.#leaveWord();
  }

  /**
   * File by file, or a process that ends before all is stored would leave all of it to the next one, and so forth. Damaged ones
   * stay: it takes them all to say how much is lost.
   */
  letsGo(): boolean {
    if (this.damagedBytes > 0) return false;
    if (!this.#hasWord) this.#leaveWord();
    return this.#hasWord;
  }

  /** Leaves the directory to whoever adopts it next. */
  release(): void {
    this.#lock.release();
  }

  /** Removes the directory, its lock last. What can not be removed is found again at the next start. */
  async remove(): Promise<void> {
    try {
      const names = readdirSync(this.path).filter((name) => !isLockFile(name));
      // Files that were let go of may be going at this moment.
      for (const name of names) await rm(join(this.path, name), { force: true });
      await rm(this.path, { recursive: true, force: true });
    } catch {
      await rmdir(this.path).catch(() => undefined);
    } finally {
      this.#lock.release();
    }
  }

  /** Keeps what is gone from the directory for whoever adopts it next, and when its owner was last known to live. */
  #leaveWord(): void {
    const { lastSeq, heartbeatAt } = this.instance;
    const encoder = new FrameEncoder(1_024);
    const body = JSON.stringify({ ...this.#header, lastSeq, losses: this.#losses });
    const length = encoder.encode('header', 0, body);
    if (length === 0) return;
    const path = join(this.path, INSTANCE_FILE);
    try {
      writeFileSync(path, encoder.bytes.subarray(0, length), { mode: 0o600 });
      utimesSync(path, heartbeatAt / 1_000, heartbeatAt / 1_000);
      this.#hasWord = true;
    } catch {
      // On a full disk it may be lost; this process still knows.
      this.#hasWord = false;
    }
  }

  #lose(reason: DropReason, records: number, firstSeq: number, lastSeq: number, instanceId: string): void {
    const lossNo = this.#losses.reduce((highest, loss) => Math.max(highest, loss.lossNo), 0) + 1;
    this.#losses.push({ instanceId, lossNo, reason, records, firstSeq, lastSeq, at: Date.now() });
  }
}

/**
 * Takes over a directory, unless its owner lives or another process is faster; undefined then. Rejects where it can not
 * be read.
 */
export async function adoptDirectory(path: string, nextId: () => number): Promise<Adoption | undefined> {
  const names = readdirSync(path);
  const hasLock = names.some(isLockFile);
  // A living owner has its lock before it has anything else; without one, this is what a removal or a start left half done.
  if (!hasLock && !(await isAbandoned(path))) return undefined;
  if (names.length === 0) await rmdir(path);
  if (!hasLock && !names.some((name) => name === INSTANCE_FILE || slotOfName(name) !== undefined))
    return undefined;
  const lock = lockDirectory(path, hasLock ? 'existing' : 'create');
  if (lock === undefined) return undefined;
  try {
    return new Adoption(path, lock, await scanDirectory(path), nextId);
  } catch (error) {
    lock.release();
    throw error;
  }
}

async function isAbandoned(path: string): Promise<boolean> {
  const { mtimeMs } = await lstat(path);
  return Date.now() - mtimeMs > ABANDONED_MILLIS;
}

/** Where no header can be read, the name of the directory still says whose it was. */
function headerFromName(name: string): SegmentHeader {
  const [instanceId = name] = name.split('.');
  return {
    schema: RECORD_SCHEMA_VERSION,
    instanceId,
    startedAt: 0,
    durability: 'process',
    openedAt: 0,
    writer: UNKNOWN_WRITER,
  };
}

const UNKNOWN_WRITER: RecordSource = { serviceName: 'unknown_service', host: 'unknown', pid: 0 };
