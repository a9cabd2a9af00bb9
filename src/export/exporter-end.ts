import type { RecordAccounting } from './accounting.ts';
import type { AdoptionPatrol } from './adoption-patrol.ts';
import type { ResolvedBatchOptions } from './batch-options.ts';
import { within } from './deadline.ts';
import type { DeliveryLoop } from './delivery-loop.ts';
import { handOverAtExit } from './exit-hand-over.ts';
import type { ExporterLog } from './exporter-log.ts';
import type { FlushWaiters } from './flush-waiters.ts';
import type { Housekeeping } from './housekeeping.ts';
import type { LedgerReporter } from './ledger-reporter.ts';
import type { OwnInstance } from './own-instance.ts';
import type { QueueRoom } from './queue-room.ts';
import type { ShutdownReport } from './record-exporter.ts';
import type { QueueRemains, RecordQueue } from './record-queue.ts';
import type { StoreSession } from './store-session.ts';
import { untraced } from './untraced.ts';

/** Share of the shutdown's time that the drain may take; the rest is for closing the store. */
const DRAIN_SHARE = 0.9;

/** The parts of an exporter that have an end. */
export interface ExporterParts {
  readonly options: ResolvedBatchOptions;
  readonly accounting: RecordAccounting;
  readonly instance: OwnInstance;
  readonly queue: RecordQueue;
  readonly reporter: LedgerReporter;
  readonly session: StoreSession;
  readonly housekeeping: Housekeeping;
  readonly loop: DeliveryLoop;
  readonly patrol: AdoptionPatrol;
  readonly room: QueueRoom;
  readonly flushes: FlushWaiters;
  readonly log: ExporterLog;
}

/** How an exporter ends: in time, with a drain and a last word to the store, or at once, when the process exits. Once, in one of the two ways. */
export class ExporterEnd {
  readonly #parts: ExporterParts;
  readonly #storedBefore: number;

  constructor(parts: ExporterParts) {
    this.#parts = parts;
    this.#storedBefore = parts.accounting.storedCount;
  }

  /** Drains the queue, tells the store that this instance has ended and closes it, all within the time for shutdowns. Never rejects. */
  async inTime(): Promise<ShutdownReport> {
    const { options, housekeeping, loop, patrol, queue, room, session } = this.#parts;
    const { shutdownTimeoutMillis, retry } = options;
    patrol.stop();
    // The intake is closed once the promise of this call is kept; only then does the store get to run.
    await undefined;
    const startedAt = retry.now();
    const remaining = () => shutdownTimeoutMillis - (retry.now() - startedAt);
    room.open();
    loop.hurry();
    const settled = loop.settled;
    const drained =
      settled === undefined ? undefined : await within(shutdownTimeoutMillis * DRAIN_SHARE, settled, 'hold');
    loop.stop();
    housekeeping.leaveStarts();
    const { left, dropped } = this.#abandon();
    const isComplete = left === 0 && drained?.kind !== 'timeout';
    if (isComplete && (await this.#sayGoodbye(remaining()))) untraced(() => queue.forgetOwn?.());
    await session.close(Math.max(shutdownTimeoutMillis * (1 - DRAIN_SHARE), remaining()));
    return this.#report(left, dropped);
  }

  /** Writes what is queued or in flight with no promise kept any more: blocks for `millis` at most. The rest is left to the spool. */
  atExit(millis: number): ShutdownReport {
    const { options, accounting, housekeeping, loop, patrol, queue, reporter, session } = this.#parts;
    const { retry, maxBacklogBatchSize, maxExportBatchBytes } = options;
    patrol.stop();
    loop.stop();
    if (millis > 0 && session.canWriteAtExit) {
      loop.giveBack();
      const limit = { records: maxBacklogBatchSize, bytes: maxExportBatchBytes };
      const deadline = retry.now() + millis;
      handOverAtExit(queue, session, accounting, reporter, limit, deadline, retry.now);
    }
    housekeeping.leaveStarts();
    const { left, dropped } = this.#abandon();
    return this.#report(left, dropped);
  }

  #report(left: number, dropped: number): ShutdownReport {
    return { stored: this.#parts.accounting.storedCount - this.#storedBefore, left, dropped };
  }

  /**
   * Tells the store that this instance has ended, with all it lost. Returns whether it knows, or has no use for it; where it
   * does not, whoever adopts what is left will tell it.
   */
  async #sayGoodbye(millis: number): Promise<boolean> {
    const { reporter, session } = this.#parts;
    const report = reporter.report(true);
    if (report === undefined || !session.keepsReports) return true;
    if (!session.isOpen) return false;
    const told = within(Math.max(0, millis), session.write([], report), 'hold');
    return (await told.catch(() => undefined))?.kind === 'done';
  }

  /** The end of the queue: what is in it and in no spool is lost with the process, and counted. */
  #abandon(): QueueRemains {
    const { accounting, flushes, instance, log, queue, room } = this.#parts;
    const { oldestSeq = 0 } = queue.stats();
    const remains = untraced(() => {
      const lost = queue.persist?.();
      if (lost !== undefined) {
        this.#loseWithProcess(lost, oldestSeq);
        // Whoever delivers what is left is to know what is not.
        if (oldestSeq > 0) instance.completeLosses();
      }
      const { left, dropped } = queue.close();
      if (lost === undefined) this.#loseWithProcess(dropped, oldestSeq);
      return { left, dropped };
    });
    accounting.dropped('shutdown_deadline', remains.dropped);
    room.open();
    flushes.settled(undefined);
    log.lost(remains.dropped);
    return remains;
  }

  #loseWithProcess(records: number, firstSeq: number): void {
    const { instance } = this.#parts;
    if (records > 0) instance.lose('shutdown_deadline', records, firstSeq, instance.lastSeq);
  }
}
