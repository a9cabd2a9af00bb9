import { resolve } from 'node:path';
import { diag } from '@opentelemetry/api';
import type { ExecutionRecord } from '../../records/execution-record.ts';
import type {
  LedgerReport,
  PruneReport,
  QuarantinedRecord,
  QuarantineKey,
  RecordStore,
  RetentionPolicy,
} from '../record-store.ts';
import { remoteChildrenOf } from '../remote-children.ts';
import { columnBatchFromRecords } from './column-batch.ts';
import type { SqliteSettings } from './sqlite-connection.ts';
import type { QuarantineRow, WriteBatch } from './sqlite-protocol.ts';
import { SqliteStoreError, SqliteThread } from './sqlite-thread.ts';

/** Options of a {@link SqliteRecordStore}. */
export interface SqliteRecordStoreOptions {
  /** The file of the ledger. It is made, with its directory, where it is missing; only its owner can read it. */
  readonly path: string;
  /**
   * `normal`: a stored record survives the end of the process, however it ends. `full`: a power cut too.
   * @default 'normal'
   */
  readonly synchronous?: 'normal' | 'full';
  /** How long a write waits, in its thread, for another process's lock. Milliseconds. @default 5_000 */
  readonly busyTimeoutMs?: number;
  /** Milliseconds since the Unix epoch. @default Date.now */
  readonly now?: () => number;
}

/**
 * Keeps records in an SQLite file, through the `node:sqlite` of Node.js, in a thread of its own: the calling thread
 * pays for a copy of the values and never waits for the disk. Several processes may share the file. The thread
 * starts with the first `init`, and holds the process open only while an answer is awaited.
 */
export class SqliteRecordStore implements RecordStore {
  readonly name: string;
  /** Its thread takes one after the other; the next is copied to it meanwhile. */
  readonly maxWrites = 2;
  readonly #settings: SqliteSettings;
  readonly #now: () => number;
  #thread: SqliteThread | undefined;
  /** What was last told about the file. */
  #notice: string | undefined;
  #closed: Promise<void> | undefined;

  constructor(options: SqliteRecordStoreOptions) {
    const { path, synchronous = 'normal', busyTimeoutMs = 5_000 } = options;
    if (path === '' || path === ':memory:') {
      throw new TypeError(
        `path must name a file, not '${path}': for a ledger in memory use MemoryRecordStore`,
      );
    }
    if (!Number.isInteger(busyTimeoutMs) || busyTimeoutMs < 0) {
      throw new RangeError(`busyTimeoutMs must be an integer of at least 0, not ${busyTimeoutMs}`);
    }
    this.name = `sqlite ${path}`;
    this.#settings = { path: resolve(path), synchronous, busyTimeoutMs };
    this.#now = options.now ?? Date.now;
  }

  async init(): Promise<void> {
    this.#assertNotClosed();
    if (this.#thread === undefined || this.#thread.isDead) this.#thread = new SqliteThread(this.#settings);
    const notice = await this.#thread.call('init', { now: this.#now() });
    if (notice === this.#notice) return;
    this.#notice = notice;
    try {
      diag.warn(`runledger: ${notice}`);
    } catch {
      // The logger is the application's; the ledger opens without it.
    }
  }

  async write(records: readonly ExecutionRecord[], report?: LedgerReport): Promise<void> {
    await this.#living().call('write', writeBatchFrom(records, report));
  }

  async interrupt(instanceIds: readonly string[], silentBefore: number): Promise<number> {
    return await this.#living().call('interrupt', { instanceIds, silentBefore });
  }

  writeAtExit(records: readonly ExecutionRecord[], millis: number, report?: LedgerReport): boolean {
    if (this.#closed !== undefined) return false;
    try {
      if (this.#thread === undefined || this.#thread.isDead) this.#thread = new SqliteThread(this.#settings);
      return this.#thread.writeAtExit(this.#now(), writeBatchFrom(records, report), millis);
    } catch {
      return false;
    }
  }

  async quarantine(records: readonly QuarantinedRecord[]): Promise<void> {
    const now = this.#now();
    const rows = records.map(
      ({ record, reason }): QuarantineRow => [
        record.recordId,
        record.rev,
        reason,
        now,
        JSON.stringify(record),
        record.instanceId,
        record.seq,
      ],
    );
    await this.#living().call('quarantine', rows);
  }

  async discard(keys: readonly QuarantineKey[]): Promise<number> {
    return this.#living().call('discard', keys);
  }

  async prune(policy: RetentionPolicy): Promise<PruneReport> {
    const thread = this.#living();
    return thread.call('prune', { policy, now: this.#now() });
  }

  close(): Promise<void> {
    this.#closed ??= this.#thread === undefined ? Promise.resolve() : this.#thread.close();
    return this.#closed;
  }

  #living(): SqliteThread {
    this.#assertNotClosed();
    if (this.#thread === undefined)
      throw new SqliteStoreError(`${this.name} is not open`, 'RUNLEDGER_STORE_NOT_OPEN');
    return this.#thread;
  }

  #assertNotClosed(): void {
    if (this.#closed !== undefined)
      throw new SqliteStoreError(`${this.name} is closed`, 'RUNLEDGER_STORE_CLOSED');
  }
}

function writeBatchFrom(records: readonly ExecutionRecord[], report: LedgerReport | undefined): WriteBatch {
  return { batch: columnBatchFromRecords(records), remoteChildren: remoteChildrenOf(records), report };
}
