import type { ExecutionRecord } from '../records/execution-record.ts';
import type { LedgerReader } from '../store/ledger-reader.ts';
import { parsedJson } from './outcome-text.ts';

/** A record the store refused for its content. */
export interface Quarantined {
  readonly record_id: string;
  readonly rev: number;
  /** Code by which the store refused it. */
  readonly reason: string;
  /** Milliseconds since the Unix epoch. */
  readonly at: number;
  readonly instance_id: string;
  readonly seq: number;
  /** The record; undefined where its text is not what was written. */
  readonly record: ExecutionRecord | undefined;
}

/** The records in quarantine, newest first; those whose ids begin with one of `ids`, or all. */
export async function readQuarantined(
  ledger: LedgerReader,
  ids: readonly string[] = [],
): Promise<readonly Quarantined[]> {
  const { rows } = await ledger.query(
    'select record_id, rev, reason, at, instance_id, seq, record from record_quarantine order by at desc, record_id',
  );
  return rows
    .map(([record_id, rev, reason, at, instance_id, seq, record]) => ({
      record_id: String(record_id),
      rev: Number(rev),
      reason: String(reason),
      at: Number(at),
      instance_id: String(instance_id),
      seq: Number(seq),
      record: parsedJson(String(record)) as ExecutionRecord | undefined,
    }))
    .filter(({ record_id }) => ids.length === 0 || ids.some((id) => record_id.startsWith(id)));
}
