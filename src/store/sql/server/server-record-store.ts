import type { ExecutionRecord } from '../../../records/execution-record.ts';
import type {
  LedgerReport,
  PruneReport,
  QuarantinedRecord,
  QuarantineKey,
  RecordStore,
  RetentionPolicy,
} from '../../record-store.ts';
import type { ServerLedger } from './server-ledger.ts';

/** An error of a store on a server that is ours: `RUNLEDGER_STORE_NOT_OPEN` or `RUNLEDGER_STORE_CLOSED`. */
class ServerStoreError extends Error {
  override readonly name = 'ServerStoreError';
  readonly code: string;

  constructor(message: string, code: string) {
    super(message);
    this.code = code;
  }
}

/** A ledger, and how to let go of what it holds. */
export interface OpenedLedger {
  readonly ledger: ServerLedger;
  readonly close: () => Promise<void>;
}

/**
 * What the stores on database servers have in common. Driver and kysely are loaded by the first `init`, not with the
 * package.
 */
export abstract class ServerRecordStore implements RecordStore {
  abstract readonly name: string;
  readonly #now: () => number;
  #opening: Promise<OpenedLedger> | undefined;
  #opened: OpenedLedger | undefined;
  #closed: Promise<void> | undefined;

  constructor(now: () => number = Date.now) {
    this.#now = now;
  }

  protected abstract open(): Promise<OpenedLedger>;

  async init(): Promise<void> {
    this.#assertNotClosed();
    this.#opening ??= this.open();
    try {
      this.#opened = await this.#opening;
    } catch (error) {
      this.#opening = undefined;
      throw error;
    }
    await this.#living().init(this.#now());
  }

  async write(records: readonly ExecutionRecord[], report?: LedgerReport): Promise<void> {
    await this.#living().write(records, report, this.#now());
  }

  async interrupt(instanceIds: readonly string[], silentBefore: number): Promise<number> {
    return await this.#living().interrupt(instanceIds, silentBefore);
  }

  async quarantine(records: readonly QuarantinedRecord[]): Promise<void> {
    await this.#living().quarantine(records, this.#now());
  }

  async discard(keys: readonly QuarantineKey[]): Promise<number> {
    return await this.#living().discard(keys);
  }

  async prune(policy: RetentionPolicy): Promise<PruneReport> {
    return await this.#living().prune(policy, this.#now(), () => this.#closed === undefined);
  }

  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  async #close(): Promise<void> {
    const opened = await this.#opening?.catch(() => undefined);
    await opened?.close();
  }

  #living(): ServerLedger {
    this.#assertNotClosed();
    if (this.#opened !== undefined) return this.#opened.ledger;
    throw new ServerStoreError(`${this.name} is not open`, 'RUNLEDGER_STORE_NOT_OPEN');
  }

  #assertNotClosed(): void {
    if (this.#closed !== undefined)
      throw new ServerStoreError(`${this.name} is closed`, 'RUNLEDGER_STORE_CLOSED');
  }
}
