import { pruneOnSchedule, type RetentionSchedule } from '../export/retention-schedule.ts';
import type { ExecutionRecord } from '../records/execution-record.ts';
import type {
  LedgerReport,
  PruneReport,
  QuarantinedRecord,
  RecordStore,
  RetentionPolicy,
} from '../store/record-store.ts';

/**
 * A store that is pruned in the background from its opening to its closing, so that a process without a record opens
 * nothing for the sake of pruning.
 */
export class RetainedStore implements RecordStore {
  readonly name: string;
  readonly maxWrites: number;
  readonly #store: RecordStore;
  // What a store can not do, this one can not either: it is asked for by its presence.
  readonly interrupt?: NonNullable<RecordStore['interrupt']>;
  readonly writeAtExit?: NonNullable<RecordStore['writeAtExit']>;
  readonly discard?: NonNullable<RecordStore['discard']>;
  readonly #retention: Partial<RetentionPolicy>;
  #schedule: RetentionSchedule | undefined;

  constructor(store: RecordStore, retention: Partial<RetentionPolicy>) {
    this.name = store.name;
    this.maxWrites = store.maxWrites ?? 1;
    this.#store = store;
    this.#retention = retention;
    if (store.interrupt !== undefined) this.interrupt = store.interrupt.bind(store);
    if (store.writeAtExit !== undefined) this.writeAtExit = store.writeAtExit.bind(store);
    if (store.discard !== undefined) this.discard = store.discard.bind(store);
  }

  async init(): Promise<void> {
    await this.#store.init();
    this.#schedule ??= pruneOnSchedule(this.#store, this.#retention);
  }

  write(records: readonly ExecutionRecord[], report?: LedgerReport): Promise<void> {
    return this.#store.write(records, report);
  }

  quarantine(records: readonly QuarantinedRecord[]): Promise<void> {
    return this.#store.quarantine(records);
  }

  prune(policy: RetentionPolicy): Promise<PruneReport> {
    return this.#store.prune(policy);
  }

  async close(): Promise<void> {
    await this.#schedule?.stop();
    await this.#store.close();
  }
}
