import type { HrTime } from '@opentelemetry/api';

/** The last millisecond a Date can hold. */
const LAST_TIME_MS = 8.64e15;
/** 13 hex digits of microseconds: as far as record ids sort by time. The year 2112 and some. */
const LAST_ORDERED_MS = 2 ** 52 / 1_000;

/** Milliseconds of a time or a duration, fractional to the microsecond. */
export function millisOf(time: HrTime): number {
  return time[0] * 1_000 + Math.round(time[1] / 1_000) / 1_000;
}

/** Whether a time is one a store can keep and a record id can be made of: since 1970, a real date. */
export function isUsableTime(time: HrTime): boolean {
  const millis = time[0] * 1_000;
  return millis >= 0 && millis < Math.min(LAST_TIME_MS, LAST_ORDERED_MS) && time[1] >= 0 && time[1] < 1e9;
}

/** A time in milliseconds as the SDK writes it. */
export function hrTimeOf(millis: number): HrTime {
  const seconds = Math.floor(millis / 1_000);
  return [seconds, Math.round((millis - seconds * 1_000) * 1e6)];
}
