import { isFailed } from '../execution.ts';
import type { ExecutionRecord } from '../records/execution-record.ts';
import { EXECUTION_COLUMNS, type ExecutionRow, rowFromRecord, rowValuesFromRecord } from './execution-row.ts';
import { type InterruptedColumns, interruptionsOf, type RunningRow } from './interrupted-rows.ts';
import { MemoryLedgerAccounts } from './memory-ledger-accounts.ts';
import { MemoryRemoteLinks } from './memory-remote-links.ts';
import type {
  LedgerInstance,
  LedgerReport,
  PruneReport,
  QuarantinedRecord,
  QuarantineKey,
  RecordLoss,
  RecordStore,
  RetentionPolicy,
} from './record-store.ts';
import { linkCandidates, remoteChildrenOf } from './remote-children.ts';

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
  readonly #links = new MemoryRemoteLinks(this.#records);
  readonly #accounts = new MemoryLedgerAccounts();
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

  async write(records: readonly ExecutionRecord[], report?: LedgerReport): Promise<void> {
    this.#assertOpen();
    for (const record of records) assertComplete(record);
    for (const record of records) {
      const known = this.#records.get(record.recordId);
      if (known === undefined || record.rev > known.rev) this.#records.set(record.recordId, record);
      if (this.#quarantined.size > 0) this.#quarantined.delete(`${record.recordId} ${record.rev}`);
    }
    if (report !== undefined) this.#accounts.keep(report);
    this.#links.link(
      linkCandidates(
        records.map(({ recordId }) => recordId),
        records.map(({ failedRecordId }) => failedRecordId),
      ),
      remoteChildrenOf(records),
    );
    for (const recordId of this.#records.keys()) {
      if (this.#records.size <= this.#maxRecords) break;
      this.#forget(recordId);
    }
  }

  async interrupt(instanceIds: readonly string[], silentBefore: number): Promise<number> {
    this.#assertOpen();
    const running: RunningRow[] = [];
    for (const record of this.#records.values()) {
      if (record.state !== 'running') continue;
      const heartbeat = this.#accounts.instance(record.instanceId)?.heartbeatAt;
      const isSilent = heartbeat !== undefined && heartbeat < silentBefore;
      if (!isSilent && !instanceIds.includes(record.instanceId)) continue;
      running.push({ ...rowFromRecord(record), heartbeat_at: heartbeat ?? null });
    }
    const interruptions = interruptionsOf(running);
    for (const { recordId, columns } of interruptions) {
      const record = this.#records.get(recordId);
      if (record !== undefined) this.#records.set(recordId, interruptedRecord(record, columns));
    }
    this.#links.link(
      interruptions.map(({ recordId }) => recordId),
      interruptions.flatMap(({ link }) => link ?? []),
    );
    return interruptions.length;
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

  async discard(keys: readonly QuarantineKey[]): Promise<number> {
    this.#assertOpen();
    return keys.filter(({ recordId, rev }) => this.#quarantined.delete(`${recordId} ${rev}`)).length;
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
    this.#accounts.forget(now - Math.max(policy.maxAgeMs, policy.failedMaxAgeMs));
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

  /** What was reported of the processes that wrote. */
  instances(): readonly LedgerInstance[] {
    return this.#accounts.instances();
  }

  /** What they lost for good. */
  losses(): readonly RecordLoss[] {
    return this.#accounts.losses();
  }

  /** How many numbered records of an instance retention has removed. */
  pruned(instanceId: string): number {
    return this.#accounts.pruned(instanceId);
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
    for (const recordId of run.records) if (this.#forget(recordId)) removed++;
    return removed;
  }

  #forget(recordId: string): boolean {
    const record = this.#records.get(recordId);
    if (record === undefined) return false;
    this.#links.forget(record);
    this.#accounts.prune(record);
    return this.#records.delete(recordId);
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

function interruptedRecord(record: ExecutionRecord, columns: InterruptedColumns): ExecutionRecord {
  return {
    ...record,
    state: 'ended',
    outcome: 'error',
    endedAt: columns.ended_at ?? record.startedAt,
    durationMs: columns.duration_ms ?? 0,
    error: columns.error ?? '',
    errorType: columns.error_type ?? '',
    errorMessage: columns.error_message ?? '',
    errorFingerprint: columns.error_fingerprint ?? '',
    ...(columns.failed_step !== null && { failedStep: columns.failed_step }),
    ...(columns.failed_record_id !== null && { failedRecordId: columns.failed_record_id }),
    ...(columns.failed_steps !== null && { failedSteps: columns.failed_steps }),
    ...(columns.failed_count !== null && { failedCount: columns.failed_count }),
  };
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
