import type { LedgerReport, RecordLoss } from '../store/record-store.ts';
import { KEPT_IN_FILE, type NumberedRecord, singleLoss } from '../store/single-loss.ts';
import type { RecordAccounting } from './accounting.ts';
import type { OwnInstance } from './own-instance.ts';
import type { DropReason } from './record-exporter.ts';
import type { RecordQueue } from './record-queue.ts';

/** Puts together what is written beside records: what of this instance is accounted for by now. */
export class LedgerReporter {
  readonly #instance: OwnInstance;
  readonly #accounting: RecordAccounting;
  readonly #queue: RecordQueue;
  /** Of single records. */
  #losses: RecordLoss[] = [];

  constructor(instance: OwnInstance, accounting: RecordAccounting, queue: RecordQueue) {
    this.#instance = instance;
    this.#accounting = accounting;
    this.#queue = queue;
  }

  /** A record of an instance that has died is lost. */
  loseOf(record: NumberedRecord, reason: DropReason): void {
    if (record.seq > 0) this.#losses.push(singleLoss(record, reason, Date.now()));
  }

  /** A record is in quarantine, in a file. */
  keptInFile(record: NumberedRecord): void {
    if (record.seq > 0) this.#losses.push(singleLoss(record, KEPT_IN_FILE, Date.now()));
  }

  /** Undefined where there is nothing to say: before the first record. */
  report(hasEnded = false): LedgerReport | undefined {
    const { durability } = this.#queue;
    const sampledOut = this.#accounting.sampledOutCount;
    const own = this.#instance.report({ durability, sampledOut, hasEnded });
    if (this.#losses.length === 0) return own;
    return { instances: own?.instances ?? [], losses: [...this.#losses, ...(own?.losses ?? [])] };
  }

  /** The store has that report. */
  reported({ losses }: LedgerReport): void {
    this.#losses = this.#losses.filter((loss) => !losses.includes(loss));
    const own = losses.filter(({ lossNo }) => lossNo > 0);
    this.#instance.reported(own);
    const last = own.at(-1);
    if (last !== undefined) this.#queue.lossesStored?.(last.lossNo);
  }
}
