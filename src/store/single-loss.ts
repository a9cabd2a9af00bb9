import type { RecordLoss } from './record-store.ts';

/**
 * Reason of what is no loss for good: the record is in quarantine, in a file beside the spool of its process, for
 * `record_quarantine` did not take it. With 0 records, it has been brought into the ledger since.
 */
export const KEPT_IN_FILE = 'quarantine_file';

/** Which record: who numbered it, and how. */
export interface NumberedRecord {
  readonly instanceId: string;
  /** 0 where it has no number, and the ledger does not miss it. */
  readonly seq: number;
}

/**
 * What is told of one record by somebody else than the instance that numbered it. Instances number their losses from 1, so this
 * one is numbered by its record, below 0. Told twice it counts once. `at` in milliseconds since the Unix epoch.
 */
export function singleLoss({ instanceId, seq }: NumberedRecord, reason: string, at: number): RecordLoss {
  return { instanceId, lossNo: -seq, reason, records: 1, firstSeq: seq, lastSeq: seq, at };
}

/** The record that was {@link KEPT_IN_FILE} is in the ledger now. */
export function broughtIn(record: NumberedRecord, at: number): RecordLoss {
  return { ...singleLoss(record, KEPT_IN_FILE, at), records: 0 };
}

/** Losses without what is told twice: no statement may touch a row a second time. */
export function distinctLosses(losses: readonly RecordLoss[]): readonly RecordLoss[] {
  const distinct = new Map<string, RecordLoss>();
  for (const loss of losses) keepLoss(distinct, loss);
  return [...distinct.values()];
}

/** Keeps a loss among others, by its instance and number. */
export function keepLoss(losses: Map<string, RecordLoss>, loss: RecordLoss): void {
  const key = `${loss.instanceId} ${loss.lossNo}`;
  const known = losses.get(key);
  if (known === undefined || supersedes(loss, known)) losses.set(key, loss);
}

/** Whether what is told of a loss takes the place of what is known of it: what was kept in a file is in one no more. */
export function supersedes(told: RecordLoss, known: RecordLoss): boolean {
  return known.reason === KEPT_IN_FILE && (told.reason !== KEPT_IN_FILE || told.records === 0);
}
