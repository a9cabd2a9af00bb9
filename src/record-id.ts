import type { HrTime } from '@opentelemetry/api';

/**
 * The key of a record: 13 hex digits of the start time in microseconds, then the span id. It sorts by start time,
 * so a B-tree appends instead of splitting pages all over (measured in SQLite: four times the insert rate of a
 * random key), and it can be computed again from the span alone, so a batch sent twice stays one row.
 */
export function recordIdOf(startTime: HrTime, spanId: string): string {
  const micros = startTime[0] * 1_000_000 + Math.floor(startTime[1] / 1_000);
  return recordIdPrefix(micros) + spanId;
}

/** The smallest record id of an execution that started at `startedAtMs` (milliseconds since the Unix epoch). */
export function recordIdFloor(startedAtMs: number): string {
  return recordIdPrefix(Math.floor(startedAtMs * 1_000));
}

function recordIdPrefix(micros: number): string {
  return Math.max(0, micros).toString(16).padStart(13, '0');
}
