import type { ExecutionRecord } from '../records/execution-record.ts';
import type { LedgerReport, QuarantinedRecord, RecordStore } from '../store/record-store.ts';
import { within } from './deadline.ts';
import { untraced } from './untraced.ts';

/** A call of the store that did not answer in time: its outcome is unknown. */
export class StoreTimeoutError extends Error {
  override readonly name = 'TimeoutError';
}

/** A call after the end of the session. */
class SessionClosedError extends Error {
  override readonly name = 'AbortError';
}

/** Is told how long a write took, in seconds, and whether the store took it. */
export type WriteListener = (seconds: number, isStored: boolean) => void;

export interface SessionOptions {
  readonly exportTimeoutMillis: number;
  readonly now: () => number;
}

/**
 * Calls a store that may throw, hang or be slow: bounds every call in time, and keeps all of it
 * untraced, or the ledger would record its own SQL. Calls reject as the store does.
 */
export class StoreSession {
  readonly #store: RecordStore;
  readonly #options: SessionOptions;
  readonly #listeners: WriteListener[] = [];
  #opened: Promise<void> | undefined;
  #isClosed = false;

  constructor(store: RecordStore, options: SessionOptions) {
    this.#store = store;
    this.#options = options;
  }

  /** Whether the store can tell who lives: one that can not has no use for what runs, or is said of instances. */
  get keepsReports(): boolean {
    return this.#store.interrupt !== undefined;
  }

  /** How many writes the store takes side by side. */
  get maxWrites(): number {
    return this.#store.maxWrites ?? 1;
  }

  onWrite(listener: WriteListener): void {
    this.#listeners.push(listener);
  }

  /** Opens the store, once; again after that failed or {@link reopen} was called. */
  async open(): Promise<void> {
    this.#opened ??= this.#call('init', () => this.#store.init());
    try {
      await this.#opened;
    } catch (error) {
      this.#opened = undefined;
      throw error;
    }
  }

  async write(records: readonly ExecutionRecord[], report?: LedgerReport): Promise<void> {
    const startedAt = this.#options.now();
    let isStored = false;
    try {
      await this.#call('write', () => this.#store.write(records, this.keepsReports ? report : undefined));
      isStored = true;
    } finally {
      this.#report((this.#options.now() - startedAt) / 1_000, isStored);
    }
  }

  async quarantine(records: readonly QuarantinedRecord[]): Promise<void> {
    await this.#call('quarantine', () => this.#store.quarantine(records));
  }

  /** Ends what dead instances left running; resolves to how many executions, 0 where the store can not do that. */
  async interrupt(instanceIds: readonly string[], silentBefore: number): Promise<number> {
    let rows = 0;
    await this.#call('interrupt', async () => {
      rows = (await this.#store.interrupt?.(instanceIds, silentBefore)) ?? 0;
    });
    return rows;
  }

  /** Whether the store is open, as far as anybody knows. */
  get isOpen(): boolean {
    return this.#opened !== undefined && !this.#isClosed;
  }

  /** Whether the store can write while the process ends. */
  get canWriteAtExit(): boolean {
    return !this.#isClosed && this.#store.writeAtExit !== undefined;
  }

  /** Writes while the process ends, blocking for `millis` at most. Never throws; false where nothing was stored. */
  writeAtExit(records: readonly ExecutionRecord[], millis: number, report?: LedgerReport): boolean {
    if (this.#isClosed) return false;
    try {
      return untraced(() => this.#store.writeAtExit?.(records, millis, report) === true);
    } catch {
      return false;
    }
  }

  /** Has the store opened again before the next write: that mends a missing table, or a thread that ended. */
  reopen(): void {
    this.#opened = undefined;
  }

  /** Refuses further calls and closes the store, waiting `millis` at most. Never rejects; false when it failed. */
  async close(millis: number): Promise<boolean> {
    this.#isClosed = true;
    try {
      const closed = await within(
        millis,
        untraced(async () => await this.#store.close()),
        'hold',
      );
      return closed.kind === 'done';
    } catch {
      return false;
    }
  }

  async #call(name: string, call: () => Promise<void>): Promise<void> {
    if (this.#isClosed) throw new SessionClosedError('the exporter was shut down');
    const answer = await within(
      this.#options.exportTimeoutMillis,
      untraced(async () => await call()),
    );
    if (answer.kind === 'timeout') throw new StoreTimeoutError(`${name} did not answer in time`);
  }

  #report(seconds: number, isStored: boolean): void {
    for (const listener of this.#listeners) {
      try {
        listener(seconds, isStored);
      } catch {
        // A metric that can not be recorded is no reason to lose a record.
      }
    }
  }
}
