import { boundedText, cutToBytes, type RecordMarks, wellFormedText } from './bounded-text.ts';

/** An import of node:util would load all that its exports reach: streams, worker threads. */
const { types } = process.getBuiltinModule('node:util');

/** How much of a value is written. */
export interface JsonBounds {
  /** Bytes of UTF-8 of the whole text; at least 16. */
  readonly maxBytes: number;
  /** Levels of nesting. @default 6 */
  readonly maxDepth?: number;
  /** Keys and array items over all levels. @default 200 */
  readonly maxKeys?: number;
}

/** JSON text, and whether a part of the value is missing in it. */
export interface BoundedJson {
  readonly json: string;
  readonly truncated: boolean;
  /** Whether a character no SQL store can keep was replaced. */
  readonly sanitized: boolean;
}

const DEFAULT_MAX_DEPTH = 6;
const DEFAULT_MAX_KEYS = 200;
/** What every value fits into, at the least: `"…"`, or `null`. */
const SMALLEST_VALUE = 5;

/**
 * Any value as valid JSON of at most `maxBytes`. Never throws, never calls the value's own code except a Proxy's
 * traps: no `toJSON`, no getters, nothing from a prototype. A BigInt is its decimal text; NaN and the infinities
 * are their names as text; a Date is its ISO time. What has no JSON stands as text in brackets: `[function]`,
 * `[symbol]`, `[getter]`, `[circular]`, `[Uint8Array 12]`, `[unserializable]`.
 */
export function boundedJson(value: unknown, bounds: JsonBounds): BoundedJson {
  const writer = new JsonWriter(bounds);
  writer.value(value, 0);
  return { json: writer.text, truncated: writer.truncated, sanitized: writer.sanitized };
}

/**
 * The same for the common case, several times faster: few short values without nesting, of an object nobody else
 * wrote to. Undefined where the values are not like that, and {@link boundedJson} is to write them.
 */
export function flatJson(values: Readonly<Record<string, unknown>>, maxBytes: number): string | undefined {
  let keys = 0;
  for (const name in values) {
    const value = values[name];
    const type = typeof value;
    if (++keys > MAX_FLAT_KEYS) return undefined;
    if (type === 'string' ? (value as string).length > MAX_FLAT_LENGTH : !isFlat(value, type))
      return undefined;
  }
  const json = JSON.stringify(values);
  // Whatever the bounded form replaces is an escape here.
  return json.length * 3 <= maxBytes && !json.includes('\\u') ? json : undefined;
}

/** {@link boundedJson} of a record's field: what was cut or replaced is marked. */
export function markedJson(value: unknown, maxBytes: number, marks: RecordMarks): string {
  const bounded = boundedJson(value, { maxBytes });
  if (bounded.truncated) marks.add('truncated');
  if (bounded.sanitized) marks.add('sanitized');
  return bounded.json;
}

/**
 * JSON text that stays JSON where it is too long: then it is how it began, and how long it was. Text that is no JSON is cut
 * like any other.
 */
export function boundedJsonText(json: string, maxBytes: number, marks: RecordMarks): string {
  const clean = boundedText(json, maxBytes, marks);
  if (clean.length === json.length || !/^[[{"]/.test(json)) return clean;
  for (let size = Math.floor(maxBytes / 2); ; size = Math.floor(size / 2)) {
    const head = wellFormedText(json.slice(0, size));
    const cut = JSON.stringify({ truncated: true, length: json.length, head });
    if (size === 0 || Buffer.byteLength(cut) <= maxBytes) return cut;
  }
}

function isFlat(value: unknown, type: string): boolean {
  return type === 'boolean' || (type === 'number' && Number.isFinite(value));
}

const MAX_FLAT_KEYS = 32;
const MAX_FLAT_LENGTH = 1_024;

class JsonWriter {
  text = '';
  truncated = false;
  sanitized = false;
  readonly #maxDepth: number;
  readonly #open: object[] = [];
  #bytesLeft: number;
  #keysLeft: number;

  constructor(bounds: JsonBounds) {
    this.#bytesLeft = bounds.maxBytes;
    this.#maxDepth = bounds.maxDepth ?? DEFAULT_MAX_DEPTH;
    this.#keysLeft = bounds.maxKeys ?? DEFAULT_MAX_KEYS;
  }

  value(value: unknown, depth: number): void {
    if (typeof value === 'object' && value !== null) {
      this.#object(value, depth);
      return;
    }
    const token = tokenOf(value);
    if (token === undefined) this.#string(textOf(value));
    else this.#token(token);
  }

  #object(value: object, depth: number): void {
    if (this.#open.includes(value)) {
      this.#string('[circular]');
      return;
    }
    const before = this.text.length;
    const bytesBefore = this.#bytesLeft;
    this.#open.push(value);
    try {
      const label = labelOf(value);
      if (label !== undefined) this.#string(label);
      else if (Array.isArray(value)) this.#array(value, depth);
      else this.#entries(value, depth);
    } catch {
      this.text = this.text.slice(0, before);
      this.#bytesLeft = bytesBefore;
      this.#string('[unserializable]');
    } finally {
      this.#open.pop();
    }
  }

  #array(items: readonly unknown[], depth: number): void {
    if (depth >= this.#maxDepth) {
      this.#cut('[array]');
      return;
    }
    this.#take('[', 2);
    for (let index = 0; index < items.length; index++) {
      if (!this.#hasRoom(1)) break;
      if (index > 0) this.#take(',', 1);
      this.value(ownValue(items, String(index)), depth + 1);
    }
    this.text += ']';
  }

  #entries(value: object, depth: number): void {
    if (depth >= this.#maxDepth) {
      this.#cut('[object]');
      return;
    }
    this.#take('{', 2);
    let isFirst = true;
    for (const key of Object.keys(value)) {
      const item = ownValue(value, key);
      if (item === undefined) continue;
      const name = this.#quoted(key);
      const separator = isFirst ? name : `,${name}`;
      const bytes = Buffer.byteLength(separator) + 1;
      if (!this.#hasRoom(bytes)) break;
      this.#take(`${separator}:`, bytes);
      this.value(item, depth + 1);
      isFirst = false;
    }
    this.text += '}';
  }

  /** Whether another key or item fits, with the smallest value. Uses up one key. */
  #hasRoom(bytes: number): boolean {
    if (this.#keysLeft > 0 && this.#bytesLeft >= bytes + SMALLEST_VALUE) {
      this.#keysLeft--;
      return true;
    }
    this.truncated = true;
    return false;
  }

  #string(value: string): void {
    // A character takes at least a byte, so nothing beyond this can fit: 5 MB cost no more than the bound.
    const head = value.length > this.#bytesLeft ? value.slice(0, this.#bytesLeft) : value;
    const whole = this.#quoted(head);
    const bytes = Buffer.byteLength(whole);
    if (head.length === value.length && bytes <= this.#bytesLeft) {
      this.#take(whole, bytes);
      return;
    }
    this.truncated = true;
    // An escape can take six bytes for one, so the cut is repeated until it fits.
    let cut = cutToBytes(wellFormedText(head), Math.max(0, this.#bytesLeft - SMALLEST_VALUE));
    let text = `${JSON.stringify(cut).slice(0, -1)}…"`;
    while (cut !== '' && Buffer.byteLength(text) > this.#bytesLeft) {
      cut = wellFormedText(cut.slice(0, Math.floor(cut.length / 2)));
      text = `${JSON.stringify(cut).slice(0, -1)}…"`;
    }
    this.#take(text, Buffer.byteLength(text));
  }

  #token(token: string): void {
    if (token.length > this.#bytesLeft) this.#cut('');
    else this.#take(token, token.length);
  }

  #cut(label: string): void {
    this.truncated = true;
    this.#string(label);
  }

  #quoted(value: string): string {
    const clean = wellFormedText(value);
    if (clean !== value) this.sanitized = true;
    return JSON.stringify(clean);
  }

  #take(text: string, bytes: number): void {
    this.text += text;
    this.#bytesLeft -= bytes;
  }
}

/** What JSON writes without quotes, or undefined where it has no such form. */
function tokenOf(value: unknown): string | undefined {
  if (typeof value === 'boolean') return String(value);
  if (typeof value === 'number' && Number.isFinite(value)) return String(value === 0 ? 0 : value);
  return value === null || value === undefined ? 'null' : undefined;
}

function textOf(value: unknown): string {
  return typeof value === 'function' || typeof value === 'symbol' ? `[${typeof value}]` : String(value);
}

/** An own property without running a getter. */
function ownValue(value: object, key: string): unknown {
  const property = Object.getOwnPropertyDescriptor(value, key);
  if (property === undefined) return undefined;
  return property.get === undefined && property.set === undefined ? property.value : '[getter]';
}

/** What stands for an object that is not written by its entries. */
function labelOf(value: object): string | undefined {
  if (types.isProxy(value)) return undefined;
  if (types.isDate(value)) {
    const time = Date.prototype.getTime.call(value);
    return Number.isNaN(time) ? 'Invalid Date' : new Date(time).toISOString();
  }
  if (ArrayBuffer.isView(value)) return `[${viewName(value)} ${value.byteLength}]`;
  if (types.isAnyArrayBuffer(value)) return `[ArrayBuffer ${value.byteLength}]`;
  if (types.isMap(value)) return '[Map]';
  if (types.isSet(value)) return '[Set]';
  if (types.isRegExp(value)) return RegExp.prototype.toString.call(value);
  if (types.isPromise(value)) return '[Promise]';
  if (types.isNativeError(value)) return '[Error]';
  return undefined;
}

function viewName(value: ArrayBufferView): string {
  return types.isUint8Array(value) ? 'Uint8Array' : 'ArrayBufferView';
}
