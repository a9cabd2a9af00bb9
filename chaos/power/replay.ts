import { mkdirSync, utimesSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { createRunledger, type MemoryRecordStore } from 'runledger';
import type { ExecutionRow } from 'runledger/sql';
import type { Disk, DiskState } from './disk.ts';
import type { WrittenRecord } from './frames.ts';
import type { RestoredStore } from './ledger-at.ts';

/** What the recovery of one state came to. */
export interface Recovered {
  /** Rows that come from the disk. */
  readonly rows: number;
  /** What is counted as lost, and what is known to be missing. */
  readonly lost: number;
  readonly missing: number;
  readonly faults: readonly string[];
}

/** How old a folder is whose owner left it: no machine is back after a power cut in less. Milliseconds. */
const BACK_AFTER_MILLIS = 120_000;
/** What says who wrote a row. Without a single header that can be read, nobody knows. */
const WRITER_COLUMNS = new Set(['service_name', 'service_version', 'host', 'pid']);
/** What is known of an execution from its start alone. */
const START_COLUMNS = [
  'kind',
  'name',
  'run_id',
  'parent_record_id',
  'correlation_id',
  'started_at',
  'instance_id',
] as const;

/** Puts what is left of a disk into a folder. */
export function layOut(state: DiskState, root: string, folder: string): void {
  mkdirSync(folder, { recursive: true });
  const placeOf = (path: string) => join(folder, relative(root, path));
  for (const path of state.folders) mkdirSync(placeOf(path), { recursive: true });
  for (const [path, bytes] of state.files) writeFileSync(placeOf(path), bytes);
  const then = new Date(Date.now() - BACK_AFTER_MILLIS);
  for (const path of state.folders) utimesSync(placeOf(path), then, then);
}

/** Has the package recover a folder, and judges the rows by those that a ledger without a power cut has. */
export class RecoveryJudge {
  readonly #truth: ReadonlyMap<unknown, ExecutionRow>;
  readonly #records: readonly WrittenRecord[];
  readonly #disk: Disk;

  constructor(truth: MemoryRecordStore, records: readonly WrittenRecord[], disk: Disk) {
    this.#truth = new Map(truth.rows().map((row) => [row.record_id, row]));
    this.#records = records;
    this.#disk = disk;
  }

  /** `directory` is what the writers were given, with its spool as the cut left it; `cut` is where that was. */
  async recover(directory: string, state: DiskState, store: RestoredStore, cut: number): Promise<Recovered> {
    const before = new Map(store.kept.records().map(({ recordId, rev }) => [recordId, rev]));
    const ledger = createRunledger({
      store,
      directory,
      retention: false,
      batch: { shutdownTimeoutMillis: 60_000 },
    });
    await ledger.exporter?.recover();
    const { left } = await ledger.shutdown();
    const faults = left === 0 ? [] : [`${left} records are left in the spool`];
    const rows = new Map<unknown, ExecutionRow>();
    for (const row of store.kept.rows()) rows.set(row.record_id, row);
    let recovered = 0;
    for (const row of rows.values()) {
      const wasStored = before.get(String(row.record_id)) === row.rev;
      if (wasStored && row.state !== 'ended') continue;
      if (!wasStored) recovered++;
      const wrong = this.#differenceOf(row);
      if (wrong !== undefined) faults.push(`${row.correlation_id}: ${wrong}`);
    }
    for (const record of this.#intact(state, cut)) {
      const row = rows.get(record.recordId);
      const truth = this.#truth.get(record.recordId);
      if (row === undefined) faults.push(`${record.correlationId} is whole on the disk and has no row`);
      else if (truth !== undefined && row.rev !== truth.rev)
        faults.push(`${record.correlationId} is whole on the disk, and its row is of revision ${row.rev}`);
    }
    return { rows: recovered, ...judgeAccounts(store.kept, faults), faults };
  }

  /** Records of which every byte is there. */
  *#intact({ files }: DiskState, cut: number): Generator<WrittenRecord> {
    for (const record of this.#records) {
      if (record.index >= cut) return;
      const bytes = files.get(record.path)?.subarray(record.from, record.to);
      if (bytes === undefined || bytes.length < record.to - record.from) continue;
      if (bytes.equals(this.#disk.bytesOf(record.path, cut).subarray(record.from, record.to))) yield record;
    }
  }

  #differenceOf(row: ExecutionRow): string | undefined {
    const truth = this.#truth.get(row.record_id);
    if (truth === undefined) return 'a row of nobody’s';
    const isInterrupted = row.error_type === 'interrupted';
    if (!isInterrupted && row.state !== 'ended') return `its state is ${row.state}`;
    const columns = isInterrupted ? START_COLUMNS : (Object.keys(truth) as (keyof ExecutionRow)[]);
    const isWriterKnown = row.service_name !== 'unknown_service';
    for (const column of columns) {
      if (row[column] === truth[column] || (!isWriterKnown && WRITER_COLUMNS.has(column))) continue;
      return `its ${column} is ${String(row[column])}, and not ${String(truth[column])}`;
    }
    return undefined;
  }
}

/** Whether what each instance numbered adds up: nothing may be there or told as lost twice. */
function judgeAccounts(store: MemoryRecordStore, faults: string[]): { lost: number; missing: number } {
  const stored = new Map<string, { count: number; highest: number }>();
  for (const { instanceId, seq } of store.records()) {
    if (seq === 0) continue;
    const { count, highest } = stored.get(instanceId) ?? { count: 0, highest: 0 };
    stored.set(instanceId, { count: count + 1, highest: Math.max(highest, seq) });
  }
  const sums = { lost: 0, missing: 0 };
  // Of one whose folder is gone as if it had never been nobody may know.
  for (const { instanceId, ...instance } of store.instances()) {
    const { count, highest } = stored.get(instanceId) ?? { count: 0, highest: 0 };
    const lastSeq = Math.max(instance.lastSeq, highest);
    const told = (isGuess: boolean): number =>
      store
        .losses()
        .filter((loss) => loss.instanceId === instanceId && loss.lastSeq > 0)
        .filter(({ reason }) => (reason === 'corrupt_frame') === isGuess)
        .reduce((sum, { records }) => sum + records, 0);
    const untold = lastSeq - count - told(false);
    if (untold < 0) faults.push(`instance ${instanceId} has ${-untold} records too many of ${lastSeq}`);
    // How many records a damaged file held is a guess, which gives way to what is known.
    const lost = told(false) + Math.min(told(true), Math.max(0, untold));
    sums.lost += lost;
    sums.missing += lastSeq - count - lost;
  }
  return sums;
}
