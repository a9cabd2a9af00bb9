import { recordIdFloor } from '../record-id.ts';

/**
 * The record of an execution that is done in several stretches, by processes that share nothing but the name of the
 * work: a job that is put off and taken up by another worker, a run that ends elsewhere than it began. Each stretch has
 * a span of its own and writes the record again; the highest one to end decides what it says.
 */
export interface SharedRecord {
  readonly id: string;
  /** Number of the stretch, from 1. */
  readonly segment: number;
  /** When the first stretch started, where this one knows. Milliseconds since the Unix epoch. */
  readonly startedAt?: number | undefined;
  /** Milliseconds between stretches so far, where this one knows. */
  readonly suspendedMs?: number | undefined;
}

/** Ids that every process works out for itself. */
export interface SharedIds {
  readonly recordId: string;
  readonly runId: string;
}

/**
 * The ids of an execution that has a name everywhere, such as a queue, a job id and an attempt. They begin with the
 * time the work came to be (milliseconds since the Unix epoch, the same everywhere), so they sort and index like any
 * other; the run id is a UUID of version 8 (RFC 9562). Costs one hash, about a microsecond.
 */
export function sharedIds(createdAt: number, key: string): SharedIds {
  const at = Number.isFinite(createdAt) ? Math.max(0, Math.floor(createdAt)) : 0;
  const hash = process.getBuiltinModule('node:crypto').hash('sha1', key);
  const time = at.toString(16).padStart(12, '0').slice(-12);
  const variant = ((Number.parseInt(hash.charAt(19), 16) & 0x3) | 0x8).toString(16);
  return {
    recordId: recordIdFloor(at) + hash.slice(0, 16),
    runId: `${time.slice(0, 8)}-${time.slice(8)}-8${hash.slice(16, 19)}-${variant}${hash.slice(20, 23)}-${hash.slice(23, 35)}`,
  };
}
