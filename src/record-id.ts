import type { HrTime } from '@opentelemetry/api';

/**
 * The key of a record: 13 hex digits of the start time in microseconds, then the span id. It sorts by start time,
 * so a B-tree appends instead of splitting pages all over (measured in SQLite: four times the insert rate of a
 * random key), and it can be computed again from the span alone, so a batch sent twice stays one row.
 */
export function recordIdOf(startTime: HrTime, spanId: string): string {
  return recordIdPrefix(startTime[0] * 1_000_000 + Math.floor(startTime[1] / 1_000)) + spanId;
}

/** The smallest record id of an execution that started at `startedAtMs` (milliseconds since the Unix epoch). */
export function recordIdFloor(startedAtMs: number): string {
  return recordIdPrefix(Math.floor(startedAtMs * 1_000));
}

/** When the execution with this record id started, in milliseconds since the Unix epoch; undefined where it is none. */
export function startedAtOfRecordId(recordId: string): number | undefined {
  if (!/^[0-9a-f]{29}$/.test(recordId)) return undefined;
  return Number.parseInt(recordId.slice(0, 13), 16) / 1_000;
}

const LOW = 2 ** 12;
/** Every three hex digits. Made with the first id, since making them costs an import a millisecond or two. */
const HEX3: string[] = [];
let high = -1;
let highDigits = '';

/**
 * `Number.prototype.toString(16)` takes half a microsecond here. The high ten digits change every 4 ms, and the records of
 * that time share them in memory.
 */
function recordIdPrefix(micros: number): string {
  const positive = Math.max(0, micros) || 0;
  const upper = Math.floor(positive / LOW);
  if (upper !== high) {
    for (let value = HEX3.length; value < LOW; value++) HEX3.push(value.toString(16).padStart(3, '0'));
    high = upper;
    highDigits = upper.toString(16).padStart(10, '0');
  }
  return `${highDigits}${HEX3[positive - upper * LOW]}`;
}
