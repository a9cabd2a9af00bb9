import { DROP_REASONS, type DropReason, type RecordAccounts } from './record-exporter.ts';
import type { QueueStats } from './record-queue.ts';

/**
 * Counts what happened to records, and does nothing but count. What is queued is not counted here but asked of the
 * queue, so that the identity of {@link RecordAccounts} is a statement that can be false.
 */
export class RecordAccounting {
  #created = 0;
  #recovered = 0;
  #stored = 0;
  #sampledOut = 0;
  #quarantined = 0;
  readonly #dropped = nothingDropped();

  get storedCount(): number {
    return this.#stored;
  }

  get sampledOutCount(): number {
    return this.#sampledOut;
  }

  created(count: number): void {
    this.#created += count;
  }

  recovered(count: number): void {
    this.#recovered += count;
  }

  stored(count: number): void {
    this.#stored += count;
  }

  sampledOut(count: number): void {
    this.#sampledOut += count;
  }

  quarantined(count: number): void {
    this.#quarantined += count;
  }

  dropped(reason: DropReason, count: number): void {
    this.#dropped[reason] += count;
  }

  /** A copy of the counts, with what the queue holds. */
  accounts(queue: QueueStats): RecordAccounts {
    return {
      created: this.#created,
      recovered: this.#recovered,
      stored: this.#stored,
      queued: queue.records,
      queuedBytes: queue.bytes,
      spooled: queue.spooled,
      spoolBytes: queue.spoolBytes,
      sampledOut: this.#sampledOut,
      quarantined: this.#quarantined,
      dropped: { ...this.#dropped },
    };
  }
}

/** The accounts where no records are made. */
export const NO_ACCOUNTS: RecordAccounts = Object.freeze({
  created: 0,
  recovered: 0,
  stored: 0,
  queued: 0,
  queuedBytes: 0,
  spooled: 0,
  spoolBytes: 0,
  sampledOut: 0,
  quarantined: 0,
  dropped: Object.freeze(nothingDropped()),
});

function nothingDropped(): Record<DropReason, number> {
  return Object.fromEntries(DROP_REASONS.map((reason) => [reason, 0])) as Record<DropReason, number>;
}
