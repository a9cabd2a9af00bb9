import type { RecordLoss } from '../store/record-store.ts';
import type { DropReason } from './record-exporter.ts';

/** Losses of one reason that come this close together are one row. Milliseconds. */
const TOGETHER_MILLIS = 1_000;

/** A loss that can still grow. */
interface OpenLoss {
  readonly reason: DropReason;
  records: number;
  firstSeq: number;
  lastSeq: number;
  readonly since: number;
}

/** A loss, but for the instance it is of. */
export type NumberedLoss = Omit<RecordLoss, 'instanceId'>;

/**
 * What an instance lost, as rows for the ledger: a flood of drops becomes one row a second and reason. Numbered records
 * alone, since those are what the ledger can miss.
 */
export class LossLog {
  readonly #now: () => number;
  readonly #onClosed: (loss: NumberedLoss) => void;
  readonly #open = new Map<DropReason, OpenLoss>();
  #closed: NumberedLoss[] = [];
  #count = 0;

  /** `now` in milliseconds since the Unix epoch. `onClosed` is told of each row once it is complete. */
  constructor(now: () => number, onClosed: (loss: NumberedLoss) => void) {
    this.#now = now;
    this.#onClosed = onClosed;
  }

  add(reason: DropReason, records: number, firstSeq: number, lastSeq: number): void {
    const open = this.#open.get(reason);
    if (open !== undefined && this.#now() - open.since < TOGETHER_MILLIS) {
      open.records += records;
      open.firstSeq = Math.min(open.firstSeq, firstSeq);
      open.lastSeq = Math.max(open.lastSeq, lastSeq);
      return;
    }
    if (open !== undefined) this.#close(open);
    this.#open.set(reason, { reason, records, firstSeq, lastSeq, since: this.#now() });
  }

  /** The losses until now, none of which grows any more, until they are {@link reported}. */
  pending(): readonly NumberedLoss[] {
    for (const open of this.#open.values()) this.#close(open);
    this.#open.clear();
    return [...this.#closed];
  }

  /** The store has these. */
  reported(losses: readonly NumberedLoss[]): void {
    const last = losses.at(-1)?.lossNo ?? 0;
    this.#closed = this.#closed.filter(({ lossNo }) => lossNo > last);
  }

  #close({ since, ...loss }: OpenLoss): void {
    const closed = { ...loss, lossNo: ++this.#count, at: since };
    this.#closed.push(closed);
    this.#onClosed(closed);
  }
}
