import type { Disk, FileSystem } from './disk.ts';
import type { WrittenRecord } from './frames.ts';
import type { DiskCall } from './trace.ts';

/** What durability `os` may lose: what was acknowledged so shortly before. Milliseconds. */
const PROMISED_MILLIS = 500;

/** An execution that was acknowledged, and where its record is. */
interface Acknowledged {
  readonly index: number;
  readonly at: number;
  readonly record: WrittenRecord | undefined;
  readonly id: string;
}

/** What a traced writer was: its name, and which calls were its. */
export interface TracedLife {
  readonly writer: string;
  readonly from: number;
  readonly to: number;
  /** Nobody has what a killed process had not synced do so; one that ends does it itself. */
  readonly isKilled: boolean;
}

/**
 * What durability `os` owes after a power cut: everything that was acknowledged half a second before it, or half a second
 * before the process was killed. What a busy machine adds to that is known from the trace: how long a sync took, and for
 * how long the writer did nothing.
 */
export class OsPromise {
  /** What a sync and the longest silence took, beyond the half second. Milliseconds. */
  readonly graceMillis: number;
  readonly #calls: readonly DiskCall[];
  readonly #disk: Disk;
  readonly #acknowledged: Acknowledged[] = [];
  readonly #ends: readonly { readonly index: number; readonly at: number; readonly isKilled: boolean }[];

  constructor(
    calls: readonly DiskCall[],
    disk: Disk,
    records: readonly WrittenRecord[],
    lives: readonly TracedLife[],
  ) {
    this.#calls = calls;
    this.#disk = disk;
    const byId = new Map(records.map((record) => [record.correlationId, record]));
    let longestSync = 0;
    let longestSilence = 0;
    for (const { writer, from, to } of lives) {
      let last: number | undefined;
      for (let index = from; index < to; index++) {
        const call = calls[index];
        if (call?.kind === 'sync') longestSync = Math.max(longestSync, call.took);
        if (call?.kind !== 'told' || call.line.startsWith('{')) continue;
        const id = `${writer}:${call.line}`;
        this.#acknowledged.push({ index, at: call.at, id, record: byId.get(id) });
        longestSilence = Math.max(longestSilence, call.at - (last ?? call.at));
        last = call.at;
      }
    }
    this.graceMillis = longestSync + longestSilence;
    this.#ends = lives.map(({ to, isKilled }) => ({ index: to, at: calls[to - 1]?.at ?? 0, isKilled }));
  }

  get acknowledged(): number {
    return this.#acknowledged.length;
  }

  /**
   * The execution acknowledged longest ago that a cut here may take away, and how many milliseconds ago that is;
   * undefined where none can be lost. `stored` are the records that the store has by then.
   */
  longestExposed(
    cut: number,
    system: FileSystem,
    stored: ReadonlySet<string>,
  ): { readonly id: string; readonly millis: number } | undefined {
    const now = this.#calls[cut - 1]?.at ?? 0;
    const safe = new Map<string, number>();
    let longest: { id: string; millis: number } | undefined;
    for (const { index, at, id, record } of this.#acknowledged) {
      if (index >= cut) break;
      if (record !== undefined) {
        if (stored.has(record.recordId)) continue;
        const bytes = safe.get(record.path) ?? this.#disk.safeBytes(record.path, cut, system);
        safe.set(record.path, bytes);
        if (record.to <= bytes) continue;
      }
      const end = this.#ends.find((each) => each.index > index);
      const isDead = end?.isKilled === true && end.index < cut;
      const millis = (isDead ? end.at : now) - at;
      if (longest === undefined || millis > longest.millis) longest = { id, millis };
    }
    return longest;
  }

  /** Whether so long is more than was promised. */
  isBroken(millis: number): boolean {
    return millis > PROMISED_MILLIS + this.graceMillis;
  }
}
