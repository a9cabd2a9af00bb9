import type { DropReason, RecordAccounts } from './record-exporter.ts';
import type { QueueStats } from './record-queue.ts';

/**
 * Counts what happened to records, and does nothing but count. What is queued is not counted here but asked of the
 * queue, so that the identity of {@link RecordAccounts} is a statement that can be false.
 */
export class RecordAccounting {
  #created = 0;
  #stored = 0;
  #sampledOut = 0;
  #quarantined = 0;
  readonly #dropped: Record<DropReason, number> = {
    queue_full: 0,
    spool_full: 0,
    spool_io_error: 0,
    corrupt_frame: 0,
    after_shutdown: 0,
    shutdown_deadline: 0,
    quarantine_failed: 0,
    internal_error: 0,
  };

  get storedCount(): number {
    return this.#stored;
  }

  created(count: number): void {
    this.#created += count;
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
      stored: this.#stored,
      queued: queue.records,
      queuedBytes: queue.bytes,
      sampledOut: this.#sampledOut,
      quarantined: this.#quarantined,
      dropped: { ...this.#dropped },
    };
  }
}
