import { AsyncLocalStorage } from 'node:async_hooks';
import type { ExecutionRecord } from '../records/execution-record.ts';
import type { RecordStore } from '../store/record-store.ts';
import { RecordAccounting } from './accounting.ts';
import { type BatchOptions, type ResolvedBatchOptions, resolveBatchOptions } from './batch-options.ts';
import { BatchSize } from './batch-size.ts';
import { within } from './deadline.ts';
import { Deferred } from './deferred.ts';
import { classifyError } from './error-classes.ts';
import { handOverAtExit } from './exit-hand-over.ts';
import { ExporterLog } from './exporter-log.ts';
import { FlushWaiters } from './flush-waiters.ts';
import { MemoryRecordQueue } from './memory-record-queue.ts';
import { QueueRoom } from './queue-room.ts';
import { RecordDelivery, StoreUnavailableError } from './record-delivery.ts';
import type { RecordAccounts, RecordExporter, ShutdownReport } from './record-exporter.ts';
import type { QueueRemains, RecordBatch, RecordQueue } from './record-queue.ts';
import { RetryPolicy } from './retry-policy.ts';
import { StoreSession, type WriteListener } from './store-session.ts';

/** Share of the shutdown's time that the drain may take; the rest is for closing the store. */
const DRAIN_SHARE = 0.9;
/** Share of the shutdown's time between two tries at most: a store that comes back in time is not to be missed. */
const TRY_SHARE = 0.1;
/** Revision of an execution's record where it has no other: it was neither suspended nor detached. */
const ONLY_REVISION = 2;

/**
 * Brings records to a store in batches, one write at a time, and loses none it does not count.
 *
 * It is *idle* while nothing is queued; *lingering* for `scheduledDelayMillis` after the first record; *writing*
 * batch after batch, without a pause, while something is queued; *waiting* between writes while the store does not
 * take them, without end. A flush or a shutdown cuts lingering and waiting short. Once shut down it stays *closed*.
 *
 * No call throws, rejects or blocks, whatever the store does. `export` is O(1). Timers do not keep the process
 * alive, except for callers that wait: `ready`, and within their deadlines `forceFlush` and `shutdown`.
 */
export class BatchRecordExporter implements RecordExporter {
  readonly #options: ResolvedBatchOptions;
  readonly #accounting = new RecordAccounting();
  readonly #queue: RecordQueue;
  readonly #session: StoreSession;
  readonly #delivery: RecordDelivery;
  readonly #retry: RetryPolicy;
  readonly #batchSize: BatchSize;
  readonly #room: QueueRoom;
  readonly #flushes = new FlushWaiters();
  readonly #log: ExporterLog;
  /** Runs our work outside the async context of whoever exported the first record. */
  readonly #outside = AsyncLocalStorage.snapshot();
  /** The ledger's id of this life of the process: a column of every record that it numbers. */
  readonly instanceId: string = process.getBuiltinModule('node:crypto').randomUUID();
  #seq = 0;
  #isWriting = false;
  #isStopped = false;
  #inFlight: RecordBatch | undefined;
  #linger: NodeJS.Timeout | undefined;
  #immediate: NodeJS.Immediate | undefined;
  #endWait: (() => void) | undefined;
  #idle = new Deferred();
  #shutdown: Promise<ShutdownReport> | undefined;

  /** Throws for options that can not work. The store is opened with the first record, not here. */
  constructor(store: RecordStore, options?: BatchOptions) {
    this.#options = resolveBatchOptions(options);
    const { retry, exportTimeoutMillis } = this.#options;
    this.#log = new ExporterLog(String(store.name), retry.now);
    this.#queue = new MemoryRecordQueue(this.#options, (count) => this.#onOverflow(count));
    this.#session = new StoreSession(store, { exportTimeoutMillis, now: retry.now });
    this.#delivery = new RecordDelivery(this.#session, this.#queue, this.#accounting, retry.random);
    this.#retry = new RetryPolicy(retry);
    this.#batchSize = new BatchSize(this.#options);
    this.#room = new QueueRoom(this.#options);
  }

  export(record: ExecutionRecord): void {
    this.#accounting.created(1);
    if (this.#shutdown !== undefined) {
      this.#accounting.dropped('after_shutdown', 1);
      return;
    }
    try {
      record.instanceId = this.instanceId;
      if (record.state === 'ended') record.seq = ++this.#seq;
      if (record.rev !== ONLY_REVISION) this.#delivery.expectRevisions();
      this.#queue.append(record);
    } catch {
      this.#accounting.dropped('internal_error', 1);
      return;
    }
    this.#schedule();
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
    const flushed = this.#flushes.wait(this.#seq, this.#options.exportTimeoutMillis);
    this.#hurry();
    return flushed;
  }

  shutdown(): Promise<ShutdownReport> {
    this.#shutdown ??= this.#close();
    return this.#shutdown;
  }

  accounts(): RecordAccounts {
    return this.#accounting.accounts(this.#queue.stats());
  }

  /** Has every write reported: how long it took, and whether the store took it. */
  onStoreWrite(listener: WriteListener): void {
    this.#session.onWrite(listener);
  }

  /**
   * Writes what is queued or in flight from an `exit` handler, where no promise is kept any more: blocks for `millis`
   * at most, then counts the rest as dropped. Nothing is taken in afterwards. Never throws. A store that has no
   * `writeAtExit` gets nothing.
   */
  handOver(millis: number): void {
    const { retry, maxBacklogBatchSize, maxExportBatchBytes } = this.#options;
    const storedBefore = this.#accounting.storedCount;
    this.#isStopped = true;
    if (this.#inFlight !== undefined) this.#queue.giveBack(this.#inFlight);
    if (this.#session.canWriteAtExit) {
      const limit = { records: maxBacklogBatchSize, bytes: maxExportBatchBytes };
      const deadline = retry.now() + millis;
      handOverAtExit(this.#queue, this.#session, this.#accounting, limit, deadline, retry.now);
    }
    const { left, dropped } = this.#abandon();
    const stored = this.#accounting.storedCount - storedBefore;
    this.#shutdown ??= Promise.resolve({ stored, left, dropped });
  }

  /** A full batch goes out with the next turn of the event loop, not in the caller's time. */
  #schedule(): void {
    if (this.#isWriting || this.#immediate !== undefined) return;
    if (this.#queue.waiting >= this.#options.maxExportBatchSize) {
      this.#immediate = this.#outside(() => setImmediate(() => this.#start()).unref());
      return;
    }
    if (this.#linger !== undefined || this.#queue.waiting === 0) return;
    const { scheduledDelayMillis } = this.#options;
    this.#linger = this.#outside(() => setTimeout(() => this.#start(), scheduledDelayMillis).unref());
  }

  /** Somebody waits for the result. */
  #hurry(): void {
    this.#retry.reset();
    this.#endWait?.();
    this.#outside(() => this.#start());
  }

  #start(): void {
    clearTimeout(this.#linger);
    clearImmediate(this.#immediate);
    this.#linger = undefined;
    this.#immediate = undefined;
    if (this.#isWriting || this.#isStopped || this.#queue.waiting === 0) return;
    this.#isWriting = true;
    this.#idle = new Deferred();
    this.#drain().catch(() => {
      // Only a clock of the caller's own gets here; the next record starts over.
      this.#isWriting = false;
      this.#idle.resolve();
    });
  }

  async #drain(): Promise<void> {
    for (let batch = this.#take(); batch !== undefined; batch = this.#take()) {
      const error = await this.#deliver(batch);
      this.#onProgress();
      if (error !== undefined && !this.#isStopped) await this.#wait(error);
    }
    this.#isWriting = false;
    this.#idle.resolve();
  }

  #take(): RecordBatch | undefined {
    if (this.#isStopped) return undefined;
    return this.#queue.take({ records: this.#batchSize.current, bytes: this.#options.maxExportBatchBytes });
  }

  /** Settles a batch, or puts what is left of it back and returns why. */
  async #deliver(batch: RecordBatch): Promise<StoreUnavailableError | undefined> {
    const storedBefore = this.#accounting.storedCount;
    this.#inFlight = batch;
    try {
      await this.#delivery.deliver(batch);
    } catch (error) {
      this.#queue.giveBack(batch);
      if (this.#accounting.storedCount > storedBefore) this.#retry.reset();
      const unavailable =
        error instanceof StoreUnavailableError
          ? error
          : new StoreUnavailableError('unknown', classifyError(error).code, false);
      this.#onUnavailable(unavailable, batch.records.length);
      return unavailable;
    } finally {
      this.#inFlight = undefined;
    }
    this.#retry.reset();
    this.#batchSize.succeeded(this.#queue.waiting);
    this.#log.storeWorks();
    return undefined;
  }

  #onUnavailable(error: StoreUnavailableError, records: number): void {
    if (error.fewerMayHelp) this.#batchSize.failed(records);
    this.#session.reopen();
    if (this.#isStopped) return;
    this.#log.storeFailed(error);
  }

  /** Waits before the next write, until the time is over or somebody is in a hurry. */
  #wait(error: StoreUnavailableError): Promise<void> {
    const { shutdownTimeoutMillis } = this.#options;
    const longest =
      this.#shutdown === undefined ? Number.POSITIVE_INFINITY : shutdownTimeoutMillis * TRY_SHARE;
    const delay = Math.min(longest, this.#retry.nextDelay(error.errorClass));
    return new Promise((resolve) => {
      const timer = setTimeout(() => this.#endWait?.(), delay).unref();
      this.#endWait = () => {
        clearTimeout(timer);
        this.#endWait = undefined;
        resolve();
      };
    });
  }

  #onProgress(): void {
    const stats = this.#queue.stats();
    this.#flushes.settled(stats.oldestSeq);
    if (this.#room.check(stats)) this.#log.queueHasRoom();
  }

  #onOverflow(count: number): void {
    this.#accounting.dropped('queue_full', count);
    this.#log.queueFull(count);
  }

  async #close(): Promise<ShutdownReport> {
    // The intake is closed once the promise of this call is kept; only then does the store get to run.
    await undefined;
    const { shutdownTimeoutMillis, retry } = this.#options;
    const startedAt = retry.now();
    const storedBefore = this.#accounting.storedCount;
    this.#room.open();
    this.#hurry();
    if (this.#isWriting) await within(shutdownTimeoutMillis * DRAIN_SHARE, this.#idle.promise, 'hold');
    this.#isStopped = true;
    this.#endWait?.();
    const { left, dropped } = this.#abandon();
    const remaining = shutdownTimeoutMillis - (retry.now() - startedAt);
    await this.#session.close(Math.max(shutdownTimeoutMillis * (1 - DRAIN_SHARE), remaining));
    return { stored: this.#accounting.storedCount - storedBefore, left, dropped };
  }

  /** The end of the queue: what is in it is lost with the process, and counted. */
  #abandon(): QueueRemains {
    const remains = this.#queue.close();
    this.#accounting.dropped('shutdown_deadline', remains.dropped);
    this.#room.open();
    this.#flushes.settled(undefined);
    this.#log.lost(remains.dropped);
    return remains;
  }
}
