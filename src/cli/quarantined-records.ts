import { stat } from 'node:fs/promises';
import type { RefusalFile } from '../export/quarantine-files.ts';
import type { ExecutionRecord } from '../records/execution-record.ts';
import type { LedgerReader } from '../store/ledger-reader.ts';
import { KEPT_IN_FILE } from '../store/single-loss.ts';
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
  /** The file it is in, where the ledger did not quarantine it; null where it did. */
  readonly file: string | null;
  /** The record; undefined where its text is not what was written. */
  readonly record: ExecutionRecord | undefined;
}

/** The records in quarantine, newest first; those whose ids begin with one of `ids`, or all. */
export async function readQuarantined(
  ledger: LedgerReader,
  files: readonly RefusalFile[],
  ids: readonly string[] = [],
): Promise<readonly Quarantined[]> {
  const { rows } = await ledger.query(
    'select record_id, rev, reason, at, instance_id, seq, record from record_quarantine',
  );
  const inTable = rows.map(([record_id, rev, reason, at, instance_id, seq, record]) => ({
    record_id: String(record_id),
    rev: Number(rev),
    reason: String(reason),
    at: Number(at),
    instance_id: String(instance_id),
    seq: Number(seq),
    file: null,
    record: parsedJson(String(record)) as ExecutionRecord | undefined,
  }));
  const isMeant = (id: string) => ids.length === 0 || ids.some((start) => id.startsWith(start));
  const found: Quarantined[] = inTable.filter(({ record_id }) => isMeant(record_id));
  // One after the other: there may be more of them than a process may have open.
  for (const file of files) if (isMeant(file.recordId)) found.push(await quarantinedIn(file));
  return found.sort((one, other) => other.at - one.at || (one.record_id < other.record_id ? -1 : 1));
}

/** How many records are in files of other machines than this, which has `files`, by host. */
export async function quarantinedElsewhere(
  ledger: LedgerReader,
  files: readonly RefusalFile[],
): Promise<readonly { readonly host: string; readonly records: number }[]> {
  const here = new Set(files.map(({ instanceId, seq }) => `${instanceId} ${seq}`));
  const { rows } = await ledger.query(
    `select l.instance_id, l.first_seq, i.host from record_losses l join ledger_instances i on i.instance_id = l.instance_id
      where l.reason = '${KEPT_IN_FILE}' and l.records > 0`,
  );
  const hosts = new Map<string, number>();
  for (const [instanceId, seq, host] of rows) {
    if (here.has(`${instanceId} ${seq}`)) continue;
    hosts.set(String(host), (hosts.get(String(host)) ?? 0) + 1);
  }
  return [...hosts].map(([host, records]) => ({ host, records }));
}

async function quarantinedIn(file: RefusalFile): Promise<Quarantined> {
  const { recordId, rev, instanceId, seq, path } = file;
  const refusal = await file.read();
  return {
    record_id: recordId,
    rev,
    reason: refusal?.reason ?? 'damaged file',
    at: refusal?.at ?? (await stat(path).catch(() => undefined))?.mtimeMs ?? 0,
    instance_id: instanceId,
    seq,
    file: path,
    record: refusal?.record,
  };
}
