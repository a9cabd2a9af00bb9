import { isFailed } from '../execution.ts';
import type { ExecutionRecord } from '../records/execution-record.ts';
import { EXECUTION_COLUMNS, type ExecutionRow, rowValuesFromRecord } from './execution-row.ts';
import type { PruneReport, QuarantinedRecord, RecordStore, RetentionPolicy } from './record-store.ts';

/** Options of a {@link MemoryRecordStore}. */
export interface MemoryRecordStoreOptions {
  /** Records kept; past it the ones written first are forgotten. @default 10_000 */
  readonly maxRecords?: number;
  /** Milliseconds since the Unix epoch, for retention. @default Date.now */
  readonly now?: () => number;
}

/**
 * Keeps records in memory, for tests and small programs. It holds what a SQL store would hold, so a record without
 * a required field is refused here too. Nothing survives the process.
 */
export class MemoryRecordStore implements RecordStore {
  readonly name = 'memory';
  readonly #maxRecords: number;
  readonly #now: () => number;
  readonly #records = new Map<string, ExecutionRecord>();
  readonly #quarantined = new Map<string, QuarantinedRecord>();
  #isClosed = false;

  constructor(options: MemoryRecordStoreOptions = {}) {
    const maxRecords = options.maxRecords ?? 10_000;
    if (!Number.isInteger(maxRecords) || maxRecords < 1) {
      throw new RangeError(`maxRecords must be an integer of at least 1, not ${maxRecords}`);
    }
    this.#maxRecords = maxRecords;
    this.#now = options.now ?? Date.now;
  }

  async init(): Promise<void> {
    this.#assertOpen();
  }

  async write(records: readonly ExecutionRecord[]): Promise<void> {
    this.#assertOpen();
    for (const record of records) assertComplete(record);
    for (const record of records) {
      const known = this.#records.get(record.recordId);
      if (known === undefined || record.rev > known.rev) this.#records.set(record.recordId, record);
    }
    const excess = this.#records.size - this.#maxRecords;
    if (excess > 0) deleteFirst(this.#records, excess);
  }

  async quarantine(records: readonly QuarantinedRecord[]): Promise<void> {
    this.#assertOpen();
    for (const quarantined of records) {
      const { recordId, rev } = quarantined.record;
      this.#quarantined.set(`${recordId} ${rev}`, quarantined);
    }
    const excess = this.#quarantined.size - this.#maxRecords;
    if (excess > 0) deleteFirst(this.#quarantined, excess);
  }

  async prune(policy: RetentionPolicy): Promise<PruneReport> {
    this.#assertOpen();
    const bytesBefore = this.#bytes();
    const runs = this.#runsByAge();
    const now = this.#now();
    let removedByAge = 0;
    for (const run of runs) {
      const maxAgeMs = run.isSettled ? policy.maxAgeMs : policy.failedMaxAgeMs;
      if (run.endedAt >= now - maxAgeMs) continue;
      removedByAge += this.#remove(run);
    }
    let removedBySize = 0;
    let bytes = this.#bytes();
    for (const run of [...runs.filter((r) => r.isSettled), ...runs.filter((r) => !r.isSettled)]) {
      if (bytes <= policy.maxBytes) break;
      const removed = this.#remove(run);
      removedBySize += removed;
      if (removed > 0) bytes -= run.bytes;
    }
    return { removedByAge, removedBySize, bytesBefore, bytesAfter: this.#bytes() };
  }

  async close(): Promise<void> {
    this.#isClosed = true;
  }

  /** What is kept, in the order of the first write. */
  records(): readonly ExecutionRecord[] {
    return [...this.#records.values()];
  }

  /** What is kept, as the rows a SQL store would have. */
  rows(): readonly ExecutionRow[] {
    return this.records().map(rowFromRecord);
  }

  /** What the exporter set aside as not storable. */
  quarantined(): readonly QuarantinedRecord[] {
    return [...this.#quarantined.values()];
  }

  #assertOpen(): void {
    if (!this.#isClosed) return;
    throw Object.assign(new Error('the memory store is closed'), { code: 'RUNLEDGER_STORE_CLOSED' });
  }

  /** Runs, the one that ended first in front. A run is settled when all of it ended and nothing failed. */
  #runsByAge(): readonly Run[] {
    const runs = new Map<string, Run>();
    for (const record of this.#records.values()) {
      const run = runs.get(record.runId) ?? { records: [], isSettled: true, endedAt: 0, bytes: 0 };
      run.records.push(record.recordId);
      run.isSettled &&= record.outcome !== undefined && !isFailed(record.outcome);
      run.endedAt = Math.max(run.endedAt, record.endedAt ?? record.startedAt);
      run.bytes += bytesOf(record);
      runs.set(record.runId, run);
    }
    return [...runs.values()].sort((a, b) => a.endedAt - b.endedAt);
  }

  #remove(run: Run): number {
    let removed = 0;
    for (const recordId of run.records) if (this.#records.delete(recordId)) removed++;
    return removed;
  }

  #bytes(): number {
    let bytes = 0;
    for (const record of this.#records.values()) bytes += bytesOf(record);
    return bytes;
  }
}

interface Run {
  readonly records: string[];
  isSettled: boolean;
  endedAt: number;
  bytes: number;
}

function rowFromRecord(record: ExecutionRecord): ExecutionRow {
  const values = rowValuesFromRecord(record);
  const entries = EXECUTION_COLUMNS.map((column, index) => [column.name, values[index] ?? null]);
  // The columns carry the types of the row, and every one of them is there.
  return Object.fromEntries(entries) as ExecutionRow;
}

function assertComplete(record: ExecutionRecord): void {
  const values = rowValuesFromRecord(record);
  for (const [index, column] of EXECUTION_COLUMNS.entries()) {
    if ('notNull' in column && values[index] === null) {
      const message = `NOT NULL constraint failed: execution_records.${column.name}`;
      throw Object.assign(new Error(message), { code: 'ERR_INVALID_ARG_VALUE' });
    }
  }
}

function bytesOf(record: ExecutionRecord): number {
  return JSON.stringify(rowValuesFromRecord(record)).length;
}

function deleteFirst(map: Map<string, unknown>, count: number): void {
  for (const key of map.keys()) {
    if (count-- <= 0) return;
    map.delete(key);
  }
}
