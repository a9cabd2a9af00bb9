import { dirname } from 'node:path';
import { between, oneOf, type Random } from '../seeded.ts';
import type { DiskCall } from './trace.ts';

/**
 * What a file system promises. `posix`: what POSIX says and no more: the data of a file are there once it is synced, a name
 * once its folder is, and of the rest any part may be, in any order. `journal`: what ext4 and XFS add: names are made and
 * removed in order, a sync of anything brings all names before it along, and a file grows only by what is there.
 */
export type FileSystem = 'posix' | 'journal';

/** What is there after a power cut, by path. */
export interface DiskState {
  readonly folders: ReadonlySet<string>;
  readonly files: ReadonlyMap<string, Buffer>;
}

/** How what was not synced of files fares. `blocks`: each for itself; lost ones are zeros. `garbage`: they are anything. */
const LOSSES = [
  'none of it',
  'all of it',
  'torn',
  'torn at a block',
  'zeros at the end',
  'blocks',
  'garbage',
] as const;
type Loss = (typeof LOSSES)[number];
/** What a journal allows. */
const JOURNAL_LOSSES: readonly [Loss, ...Loss[]] = ['none of it', 'all of it', 'torn', 'torn at a block'];
/** Sectors and pages. */
const BLOCKS = [512, 4_096] as const;

type Change =
  | {
      readonly index: number;
      readonly kind: 'write';
      readonly from: number | undefined;
      readonly data: Buffer;
    }
  | { readonly index: number; readonly kind: 'cut'; readonly length: number };

/** A file or folder, and every sync of it. */
interface DiskNode {
  readonly path: string;
  readonly isFolder: boolean;
  readonly madeAt: number;
  removedAt: number;
  readonly changes: Change[];
  /** What was done before `after` is on the disk once `index` calls are over. */
  readonly syncs: { readonly index: number; readonly after: number }[];
  /** Its bytes at the end, and how many there were after each change, where it only ever grew. */
  grown: { readonly bytes: Buffer; readonly ends: readonly number[] } | undefined;
}

/** Every file and folder that calls made, and what a power cut between two of them leaves. */
export class Disk {
  readonly #nodes: DiskNode[] = [];
  readonly #byPath = new Map<string, DiskNode>();
  readonly #syncs: { readonly index: number; readonly after: number }[] = [];

  /** `root` and what is above it was there before. */
  constructor(calls: readonly DiskCall[], root: string) {
    this.#add(root, true, -1);
    for (const [index, call] of calls.entries()) this.#replay(call, index);
    for (const node of this.#nodes) node.grown = grownFrom(node.changes);
  }

  /** The bytes of a file when so many calls were over, all of them written. */
  bytesOf(path: string, cut: number): Buffer {
    const node = this.#byPath.get(path);
    return node === undefined ? Buffer.alloc(0) : contentAt(node, cut);
  }

  /** How many bytes of a file are there whatever a cut does to the rest. */
  safeBytes(path: string, cut: number, system: FileSystem): number {
    const node = this.#byPath.get(path);
    if (node === undefined) return 0;
    const journal = this.#journalAt(cut);
    for (let at: DiskNode | undefined = node; at !== undefined; at = this.#byPath.get(dirname(at.path))) {
      if (at.madeAt >= this.#namesSynced(at, cut, system, journal) || at.removedAt < cut) return 0;
    }
    return contentAt(node, syncedOf(node, cut)).length;
  }

  /** One of the states that the disk may be in when the power is cut after so many calls. */
  after(cut: number, system: FileSystem, random: Random): DiskState {
    const isThere = this.#drawNames(cut, system, random);
    const losses = system === 'posix' ? LOSSES : JOURNAL_LOSSES;
    // Often one kind of loss for all, sometimes each file its own.
    const common = random() < 0.7 ? oneOf(random, losses) : undefined;
    const folders = new Set<string>();
    const files = new Map<string, Buffer>();
    for (const node of this.#nodes) {
      if (node.madeAt >= cut || !isThere(node)) continue;
      if (node.madeAt >= 0 && !folders.has(dirname(node.path))) continue;
      if (node.isFolder) folders.add(node.path);
      else files.set(node.path, lossy(node, cut, common ?? oneOf(random, losses), random));
    }
    return { folders, files };
  }

  #drawNames(cut: number, system: FileSystem, random: Random): (node: DiskNode) => boolean {
    const journal = this.#journalAt(cut);
    const share = oneOf(random, [0, 0.5, 1] as const);
    if (system === 'journal') {
      const last = Math.round(journal + (cut - journal) * (share === 0.5 ? random() : share));
      return ({ madeAt, removedAt }) => madeAt < last && removedAt >= last;
    }
    return (node) => {
      const synced = this.#namesSynced(node, cut, system, journal);
      // Without a folder there is nothing in it, so most of them are there, or little would be left to judge.
      const isMade = node.madeAt < synced || random() < (node.isFolder ? share ** 0.1 : share);
      const isRemoved = node.removedAt < synced || (node.removedAt < cut && random() < share);
      return isMade && !isRemoved;
    };
  }

  /** Names made and removed before this call are on the disk. */
  #namesSynced(node: DiskNode, cut: number, system: FileSystem, journal: number): number {
    if (node.madeAt < 0) return 0;
    const folder = this.#byPath.get(dirname(node.path));
    return system === 'journal' || folder === undefined ? journal : syncedOf(folder, cut);
  }

  #journalAt(cut: number): number {
    return latest(this.#syncs, cut);
  }

  #replay(call: DiskCall, index: number): void {
    if (call.kind === 'told') return;
    const node = this.#byPath.get(call.path);
    switch (call.kind) {
      case 'create':
      case 'mkdir':
        this.#add(call.path, call.kind === 'mkdir', index);
        return;
      case 'sync':
        this.#syncs.push({ index, after: call.after });
        node?.syncs.push({ index, after: call.after });
        return;
    }
    if (node === undefined) throw new Error(`${call.kind} of ${call.path}, which nobody made`);
    if (call.kind === 'remove') node.removedAt = index;
    else if (call.kind === 'write')
      node.changes.push({ index, kind: 'write', from: call.from, data: call.data });
    else node.changes.push({ index, kind: 'cut', length: call.length });
  }

  #add(path: string, isFolder: boolean, madeAt: number): void {
    const known = this.#byPath.get(path);
    if (known !== undefined && known.removedAt === Number.POSITIVE_INFINITY) return;
    if (known !== undefined) throw new Error(`${path} is made a second time`);
    const removedAt = Number.POSITIVE_INFINITY;
    const node = { path, isFolder, madeAt, removedAt, changes: [], syncs: [], grown: undefined };
    this.#nodes.push(node);
    this.#byPath.set(path, node);
  }
}

/** The bytes of a file that only ever grew at its end, as nearly all do; undefined for another. */
function grownFrom(changes: readonly Change[]): DiskNode['grown'] {
  const parts: Buffer[] = [];
  const ends: number[] = [];
  let end = 0;
  for (const change of changes) {
    if (change.kind === 'cut' || change.from !== undefined) return undefined;
    parts.push(change.data);
    end += change.data.length;
    ends.push(end);
  }
  return { bytes: Buffer.concat(parts), ends };
}

/** What the calls before `index` made of a file. */
function contentAt({ changes, grown }: DiskNode, index: number): Buffer {
  const later = changes.findIndex((change) => change.index >= index);
  const count = later === -1 ? changes.length : later;
  if (grown !== undefined) return grown.bytes.subarray(0, count === 0 ? 0 : grown.ends[count - 1]);
  let bytes = Buffer.alloc(0);
  for (const change of changes.slice(0, count)) {
    const from = change.kind === 'cut' ? change.length : (change.from ?? bytes.length);
    const data = change.kind === 'cut' ? Buffer.alloc(0) : change.data;
    const next = Buffer.alloc(change.kind === 'cut' ? from : Math.max(bytes.length, from + data.length));
    bytes.copy(next);
    data.copy(next, from);
    bytes = next;
  }
  return bytes;
}

/** Everything done to a file or folder before this call is on the disk. */
function syncedOf({ syncs }: DiskNode, cut: number): number {
  return latest(syncs, cut);
}

function latest(syncs: DiskNode['syncs'], cut: number): number {
  let synced = 0;
  for (const { index, after } of syncs) if (index < cut && after > synced) synced = after;
  return synced;
}

/** A file with what was synced, and a loss to the rest. */
function lossy(node: DiskNode, cut: number, loss: Loss, random: Random): Buffer {
  const synced = contentAt(node, syncedOf(node, cut));
  const whole = contentAt(node, cut);
  // Of one that was cut short or written over there is one version or the other.
  if (node.grown === undefined) return contentAt(node, between(random, syncedOf(node, cut), cut));
  const from = synced.length;
  if (loss === 'none of it' || whole.length === from) return synced;
  if (loss === 'all of it') return whole;
  const block = oneOf(random, BLOCKS);
  const length = between(random, from, whole.length);
  if (loss === 'torn') return whole.subarray(0, length);
  if (loss === 'torn at a block') return whole.subarray(0, Math.max(from, length - (length % block)));
  const left = Buffer.from(whole);
  if (loss === 'zeros at the end') return left.fill(0, length);
  for (let at = from - (from % block); at < left.length; at += block) {
    if (random() < 0.5) continue;
    const [start, end] = [Math.max(from, at), Math.min(left.length, at + block)];
    left.fill(0, start, end);
    for (let byte = start; loss === 'garbage' && byte < end; byte++) left[byte] = Math.floor(random() * 256);
  }
  // The last that was written may not even count for the length.
  return random() < 0.5 ? left : left.subarray(0, length);
}
