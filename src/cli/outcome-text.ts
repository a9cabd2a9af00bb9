import { isFailed, type Outcome } from '../execution.ts';
import type { ExecutionRow } from '../store/execution-row.ts';
import { printable } from './printable.ts';
import { formatDuration } from './quantities.ts';
import type { Look } from './terminal.ts';

/** Whether a row is of an execution that failed. */
export function isFailedRow(row: ExecutionRow): boolean {
  return row.outcome !== null && isFailed(row.outcome as Outcome);
}

/** How an execution ended, or where it is in its life: the word the tables show. */
export function outcomeText(row: ExecutionRow): string {
  return printable(row.outcome ?? row.state);
}

/** The look of {@link outcomeText}. */
export function outcomeLook(row: ExecutionRow): Look {
  if (isFailedRow(row)) return 'bad';
  if (row.outcome === 'success') return 'good';
  return row.outcome === 'skip' ? 'faint' : 'warn';
}

/** How long an execution took, or, of one under way, how long it has been going on at `now`. */
export function durationText(row: ExecutionRow, now: number): string {
  if (row.duration_ms !== null) return formatDuration(row.duration_ms);
  return `${formatDuration(Math.max(0, now - row.started_at))}…`;
}

/** Why an execution ended as it did, in one line: failing step and error, or the reason of a skip or a rejection. */
export function reasonText(row: ExecutionRow): string {
  if (row.failed_step !== null) return printable(`${row.failed_step}: ${row.error ?? row.error_type ?? ''}`);
  if (row.error !== null) return printable(row.error);
  if (row.rejection_reason !== null)
    return printable(rejectionText(row.rejection_reason, row.rejection_detail));
  return printable(row.skip_reason ?? '');
}

/** `queue_full: too many orders (100 of 100)`, as far as it is known. */
function rejectionText(reason: string, json: string | null): string {
  const parsed = parsedJson(json);
  const { detail, limit, current } = Object(parsed) as {
    detail?: unknown;
    limit?: unknown;
    current?: unknown;
  };
  const text = typeof detail === 'string' ? `${reason}: ${detail}` : reason;
  if (typeof limit !== 'number') return text;
  return `${text} (${typeof current === 'number' ? `${current} of ${limit}` : `limit ${limit}`})`;
}

/** The value of a JSON column; undefined where it is NULL or, cut to its bound, no longer JSON. */
export function parsedJson(json: string | null): unknown {
  if (json === null) return undefined;
  try {
    return JSON.parse(json);
  } catch {
    return undefined;
  }
}
