import type { ExecutionRecord } from '../records/execution-record.ts';
import type { Durability, RecordStore } from '../store/record-store.ts';
import { RecordAccounting } from './accounting.ts';
import { AdoptionPatrol } from './adoption-patrol.ts';
import { type BatchOptions, type ResolvedBatchOptions, resolveBatchOptions } from './batch-options.ts';
import type { BreakerState } from './breaker.ts';
import { DeliveryLoop } from './delivery-loop.ts';
import { ExporterEnd } from './exporter-end.ts';
import { ExporterLog } from './exporter-log.ts';
import { FlushWaiters } from './flush-waiters.ts';
import { Housekeeping } from './housekeeping.ts';
import { LedgerReporter } from './ledger-reporter.ts';
import { MemoryRecordQueue } from './memory-record-queue.ts';
import { OwnInstance } from './own-instance.ts';
import { Quarantine } from './quarantine.ts';
import { QueueRoom } from './queue-room.ts';
import { RecordDelivery } from './record-delivery.ts';
import type {
  DropReason,
  RecordAccounts,
  RecordExporter,
  RunningExecutions,
  ShutdownReport,
} from './record-exporter.ts';
import type { DropListener, RecordQueue } from './record-queue.ts';
import { StoreSession, type WriteListener } from './store-session.ts';

/** Share of the shutdown's time between two tries at most: a store that comes back in time is not to be missed. */
const TRY_SHARE = 0.1;
/** Revision of an execution's record where it has no other: it was neither suspended nor detached. */
const ONLY_REVISION = 2;

/** Makes the queue of an exporter, which tells it of every record it has to give up. */
export type QueueFactory = (instance: QueueOwner, onDrop: DropListener) => RecordQueue;

/** Whose queue it is. */
export interface QueueOwner {
  readonly instanceId: string;
  /** Milliseconds since the Unix epoch. */
  readonly startedAt: number;
}

/**
 * Brings records to a store in batches, and loses none it does not count.
 *
 * No call throws, rejects or blocks, whatever the store does. `export` is O(1); with a queue that is durable the record is
 * acknowledged when it returns. Timers do not keep the process alive, except for callers that wait: `ready`, and
 * within their deadlines `forceFlush` and `shutdown`.
 */
export class BatchRecordExporter implements RecordExporter {
  readonly #options: ResolvedBatchOptions;
  readonly #accounting = new RecordAccounting();
  readonly #instance: OwnInstance;
  readonly #queue: RecordQueue;
  readonly #reporter: LedgerReporter;
  readonly #session: StoreSession;
  readonly #delivery: RecordDelivery;
  readonly #housekeeping: Housekeeping;
  readonly #loop: DeliveryLoop;
  readonly #patrol: AdoptionPatrol;
  readonly #room = new QueueRoom();
  readonly #flushes = new FlushWaiters();
  readonly #log: ExporterLog;
  #shutdown: Promise<ShutdownReport> | undefined;

  /** Throws for options that can not work. The store is opened with the first record, not here. */
  constructor(store: RecordStore, options?: BatchOptions, makeQueue?: QueueFactory) {
    this.#options = resolveBatchOptions(options);
    const { retry, exportTimeoutMillis } = this.#options;
    const onDrop: DropListener = (...drop) => this.#onDrop(...drop);
    this.#log = new ExporterLog(String(store.name), retry.now);
    this.#instance = new OwnInstance(Date.now, (loss) => this.#queue.appendLoss?.(loss));
    const { id: instanceId, startedAt } = this.#instance;
    this.#queue =
      makeQueue?.({ instanceId, startedAt }, onDrop) ?? new MemoryRecordQueue(this.#options, onDrop);
    this.#reporter = new LedgerReporter(this.#instance, this.#accounting, this.#queue);
    this.#session = new StoreSession(store, { exportTimeoutMillis, now: retry.now });
    const quarantine = new Quarantine({
      session: this.#session,
      files: this.#queue.quarantine,
      reporter: this.#reporter,
      log: this.#log,
      monotonic: retry.now,
    });
    this.#delivery = new RecordDelivery({
      session: this.#session,
      queue: this.#queue,
      accounting: this.#accounting,
      reporter: this.#reporter,
      quarantine,
      onLost: (record) => this.#onNotQuarantined(record),
      random: retry.random,
    });
    this.#housekeeping = new Housekeeping({
      session: this.#session,
      queue: this.#queue,
      quarantine,
      reporter: this.#reporter,
      log: this.#log,
      monotonic: retry.now,
      now: Date.now,
    });
    this.#loop = new DeliveryLoop({
      options: this.#options,
      queue: this.#queue,
      session: this.#session,
      delivery: this.#delivery,
      housekeeping: this.#housekeeping,
      log: this.#log,
      longestWait: () => this.#longestWait(),
      onProgress: () => this.#onProgress(),
    });
    this.#patrol = new AdoptionPatrol(this.#queue, this.#accounting, () => {
      this.#loop.keepHouse();
      this.#loop.hurry();
    });
    if (this.#queue.adopt !== undefined) {
      // What a dead process started may stand beside what it ended.
      this.#delivery.expectRevisions();
      this.#patrol.start();
    }
  }

  /** The ledger's id of this life of the process, in the column `instance_id` of its records. */
  get instanceId(): string {
    return this.#instance.id;
  }

  /** Whether the store is left alone for a while because it failed again and again. */
  get breakerState(): BreakerState {
    return this.#loop.breakerState;
  }

  /** How a record is kept from `export` on. `memory` also while the disk fails. */
  get durability(): Durability {
    return this.#queue.durability;
  }

  get keepsStarts(): boolean {
    return this.#queue.appendStart !== undefined;
  }

  export(record: ExecutionRecord): void {
    this.#accounting.created(1);
    if (this.#shutdown !== undefined) {
      this.#accounting.dropped('after_shutdown', 1);
      return;
    }
    try {
      this.#instance.adopt(record);
      if (record.rev !== ONLY_REVISION) this.#delivery.expectRevisions();
      this.#queue.append(record);
    } catch {
      const seq = record?.seq ?? 0;
      this.#onDrop('internal_error', 1, seq, seq);
      return;
    }
    this.#loop.wake();
  }

  started(record: ExecutionRecord): void {
    if (this.#shutdown !== undefined) return;
    try {
      this.#instance.adopt(record);
      this.#queue.appendStart?.(record);
      this.#loop.keepHouse();
    } catch {
      // The execution is recorded all the same when it ends.
    }
  }

  watchRunning(running: RunningExecutions): void {
    const own = (row: ExecutionRecord): ExecutionRecord => {
      this.#instance.adopt(row);
      return row;
    };
    this.#housekeeping.watchRunning({
      unshown: (startedBefore, limit) => running.unshown(startedBefore, limit).map(own),
      any() {
        const row = running.any();
        return row && own(row);
      },
    });
  }

  sampledOut(count: number): void {
    this.#accounting.created(count);
    this.#accounting.sampledOut(count);
  }

  ready(): Promise<void> {
    return this.#room.wait(this.#queue.stats());
  }

  forceFlush(): Promise<void> {
    if (this.#shutdown !== undefined) return this.#shutdown.then(() => undefined);
    const { oldestSeq } = this.#queue.stats();
    if (oldestSeq === undefined) return Promise.resolve();
    const flushed = this.#flushes.wait(this.#instance.lastSeq, this.#options.exportTimeoutMillis);
    this.#loop.hurry();
    return flushed;
  }

  shutdown(): Promise<ShutdownReport> {
    this.#shutdown ??= this.#end().inTime();
    return this.#shutdown;
  }

  accounts(): RecordAccounts {
    return this.#accounting.accounts(this.#queue.stats());
  }

  /** Executions of dead processes that were still running, and are recorded as interrupted. */
  get interruptedCount(): number {
    return this.#housekeeping.interrupted;
  }

  /** Milliseconds since the Unix epoch when the oldest record on disk was taken in; undefined when there is none. */
  get spoolSince(): number | undefined {
    return this.#queue.stats().spoolSince;
  }

  /** Has every write reported: how long it took, and whether the store took it. */
  onStoreWrite(listener: WriteListener): void {
    this.#session.onWrite(listener);
  }

  /**
   * Takes over the records of processes that died, and resolves to how many there are. Done by itself shortly after the
   * start and every minute. Never rejects.
   */
  recover(): Promise<number> {
    return this.#patrol.look();
  }

  /**
   * Writes what is queued or in flight from an `exit` handler, where no promise is kept any more: blocks for `millis`
   * at most. The rest stays in the spool, or is counted as dropped where there is none. Nothing is taken in afterwards.
   * Never throws. A store that has no `writeAtExit` gets nothing, and neither does any with 0 milliseconds.
   */
  handOver(millis: number): void {
    const report = this.#end().atExit(millis);
    this.#shutdown ??= Promise.resolve(report);
  }

  #end(): ExporterEnd {
    return new ExporterEnd({
      options: this.#options,
      accounting: this.#accounting,
      instance: this.#instance,
      queue: this.#queue,
      reporter: this.#reporter,
      session: this.#session,
      housekeeping: this.#housekeeping,
      loop: this.#loop,
      patrol: this.#patrol,
      room: this.#room,
      flushes: this.#flushes,
      log: this.#log,
    });
  }

  #longestWait(): number {
    return this.#shutdown === undefined
      ? Number.POSITIVE_INFINITY
      : this.#options.shutdownTimeoutMillis * TRY_SHARE;
  }

  #onProgress(): void {
    const stats = this.#queue.stats();
    this.#flushes.settled(stats.oldestSeq);
    if (this.#room.check(stats)) this.#log.queueHasRoom();
  }

  #onDrop(reason: DropReason, records: number, firstSeq: number, lastSeq: number): void {
    this.#accounting.dropped(reason, records);
    this.#instance.lose(reason, records, firstSeq, lastSeq);
    if (reason === 'queue_full' || reason === 'spool_full') this.#log.queueFull(records);
  }

  /** A record that was taken over is the loss of the instance that numbered it. */
  #onNotQuarantined(record: ExecutionRecord): void {
    const { instanceId, seq } = record;
    if (instanceId === this.#instance.id) this.#instance.lose('quarantine_failed', 1, seq, seq);
    else this.#reporter.loseOf(record, 'quarantine_failed');
  }
}
