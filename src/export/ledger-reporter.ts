import type { LedgerReport } from '../store/record-store.ts';
import type { RecordAccounting } from './accounting.ts';
import type { OwnInstance } from './own-instance.ts';
import type { RecordQueue } from './record-queue.ts';

/** Puts together what is written beside records: what of this instance is accounted for by now. */
export class LedgerReporter {
  readonly #instance: OwnInstance;
  readonly #accounting: RecordAccounting;
  readonly #queue: RecordQueue;

  constructor(instance: OwnInstance, accounting: RecordAccounting, queue: RecordQueue) {
    this.#instance = instance;
    this.#accounting = accounting;
    this.#queue = queue;
  }

  /** Undefined before the first record. */
  report(hasEnded = false): LedgerReport | undefined {
    const { durability } = this.#queue;
    return this.#instance.report({ durability, sampledOut: this.#accounting.sampledOutCount, hasEnded });
  }

  /** The store has that report. */
  reported({ losses }: LedgerReport): void {
    this.#instance.reported(losses);
    const last = losses.at(-1);
    if (last !== undefined) this.#queue.lossesStored?.(last.lossNo);
  }
}
