import type { RecordFlag } from './execution-record.ts';

/** Bounds of a record's text fields, in bytes of UTF-8. A record as a whole stays below `record`. */
export const TEXT_BOUNDS = {
  id: 256,
  name: 512,
  label: 1_024,
  errorLine: 1_024,
  list: 4_096,
  message: 4_096,
  stack: 16_384,
  chain: 6_144,
  timeline: 8_192,
  attributes: 32_768,
  payload: 16_384,
  record: 65_536,
} as const;

/** Gathers the marks of one record. */
export class RecordMarks {
  #flags: RecordFlag[] | undefined;

  /** The marks in the order they were set, each once; undefined where there are none. */
  get flags(): readonly RecordFlag[] | undefined {
    return this.#flags;
  }

  add(flag: RecordFlag): void {
    if (this.#flags === undefined) {
      this.#flags = [flag];
      return;
    }
    if (!this.#flags.includes(flag)) this.#flags.push(flag);
  }

  addAll(flags: readonly RecordFlag[] | undefined): void {
    if (flags !== undefined) for (const flag of flags) this.add(flag);
  }
}

/**
 * Text as every SQL store can keep it: NUL (PostgreSQL refuses it) and lone surrogates become U+FFFD, what is
 * longer than `maxBytes` is cut between two characters. Both leave a mark. Costs no more for 5 MB than for the
 * bound.
 */
export function boundedText(value: string, maxBytes: number, marks: RecordMarks): string {
  if (value.length * 3 <= maxBytes && isWellFormed(value)) return value;
  const head = value.length > maxBytes ? headOf(value, maxBytes) : value;
  const clean = wellFormedText(head);
  if (clean !== head) marks.add('sanitized');
  const cut = cutToBytes(clean, maxBytes);
  if (cut.length !== value.length) marks.add('truncated');
  return cut;
}

/** The text with NUL and lone surrogates replaced by U+FFFD. */
export function wellFormedText(value: string): string {
  const clean = value.toWellFormed();
  return clean.includes('\0') ? clean.replaceAll('\0', '\uFFFD') : clean;
}

/** The longest start of a well-formed text that is at most `maxBytes` of UTF-8. */
export function cutToBytes(value: string, maxBytes: number): string {
  if (value.length * 3 <= maxBytes) return value;
  if (value.length <= maxBytes && Buffer.byteLength(value) <= maxBytes) return value;
  // encodeInto never writes a part of a character, and says how much it read.
  const { read } = encoder.encodeInto(value.slice(0, maxBytes), new Uint8Array(maxBytes));
  return value.slice(0, read);
}

function isWellFormed(value: string): boolean {
  return (value as WellFormed).isWellFormed() && !value.includes('\0');
}

/** ES2024, and in every Node.js this runs on; the compiler's library is of 2023. */
type WellFormed = string & { isWellFormed(): boolean };

const encoder = new TextEncoder();

/** At most `length` code units, not ending in the first half of a pair: that half would count as malformed. */
function headOf(value: string, length: number): string {
  const last = value.charCodeAt(length - 1);
  return value.slice(0, last >= 0xd800 && last <= 0xdbff ? length - 1 : length);
}
