import { AsyncLocalStorage } from 'node:async_hooks';
import type { ResolvedBatchOptions } from './batch-options.ts';
import { BatchSize } from './batch-size.ts';
import { Breaker, type BreakerState } from './breaker.ts';
import { Deferred } from './deferred.ts';
import { classifyError } from './error-classes.ts';
import type { ExporterLog } from './exporter-log.ts';
import type { Housekeeping } from './housekeeping.ts';
import { type RecordDelivery, StoreUnavailableError } from './record-delivery.ts';
import type { RecordBatch, RecordQueue } from './record-queue.ts';
import { RetryPolicy } from './retry-policy.ts';
import type { StoreSession } from './store-session.ts';
import { untraced } from './untraced.ts';

/** What the loop works with. */
export interface DeliveryParts {
  readonly options: ResolvedBatchOptions;
  readonly queue: RecordQueue;
  readonly session: StoreSession;
  readonly delivery: RecordDelivery;
  readonly housekeeping: Housekeeping;
  readonly log: ExporterLog;
  /** The longest wait between two tries now. Milliseconds. */
  readonly longestWait: () => number;
  /** Something of the queue was settled, or could not be. */
  readonly onProgress: () => void;
}

/** How often it is looked whether there is housekeeping to do. Milliseconds. */
const HOUSEKEEPING_MILLIS = 1_000;

/** Enough for the store never to wait for us: while one batch is written the next is put into columns and sent. */
const MAX_WRITES = 2;

/**
 * Takes batches out of the queue and has them delivered: one at a time, and while full ones wait, two side by side where the
 * store takes that and works.
 *
 * It is *idle* while nothing is queued; *lingering* for `scheduledDelayMillis` while less than a batch is, since a small
 * write costs the application almost as much as a full one; *writing* batch after batch, without a pause, while
 * more is; *waiting* between writes while the store does not take them, without end. A flush or a shutdown cuts lingering and
 * waiting short. Its timers do not keep the process alive.
 */
export class DeliveryLoop {
  readonly #parts: DeliveryParts;
  readonly #retry: RetryPolicy;
  readonly #batchSize: BatchSize;
  readonly #breaker = new Breaker();
  /** Runs our work outside the async context of whoever exported the first record. */
  readonly #outside = AsyncLocalStorage.snapshot();
  #isWriting = false;
  #isStopped = false;
  /** How many records somebody waits for: what was queued then, and not what has come since. */
  #urgent = 0;
  #hasChores = false;
  /** Oldest first. What failed stays until nothing else is under way, so that all of it goes back in order. */
  readonly #inFlight: RecordBatch[] = [];
  #linger: NodeJS.Timeout | undefined;
  #immediate: NodeJS.Immediate | undefined;
  #chores: NodeJS.Timeout | undefined;
  #endWait: (() => void) | undefined;
  #idle = new Deferred();

  constructor(parts: DeliveryParts) {
    this.#parts = parts;
    this.#retry = new RetryPolicy(parts.options.retry);
    this.#batchSize = new BatchSize(parts.options);
  }

  get breakerState(): BreakerState {
    return this.#breaker.state;
  }

  /** Puts what is being written now back into the queue. */
  giveBack(): void {
    for (const batch of this.#inFlight.splice(0).reverse()) this.#parts.queue.giveBack(batch);
  }

  /** Resolves when nothing is being written any more; undefined when nothing is. */
  get settled(): Promise<void> | undefined {
    return this.#isWriting ? this.#idle.promise : undefined;
  }

  /** Something was queued. A full batch goes out with the next turn of the event loop, not in the caller's time. */
  wake(): void {
    if (this.#isWriting || this.#immediate !== undefined) return;
    this.keepHouse();
    const { queue, options } = this.#parts;
    if (queue.waiting >= options.maxExportBatchSize) {
      this.#immediate = this.#outside(() => setImmediate(() => this.#start()).unref());
      return;
    }
    if (this.#linger !== undefined || queue.waiting === 0) return;
    this.#linger = this.#outside(() => setTimeout(() => this.#start(), options.scheduledDelayMillis).unref());
  }

  /** Somebody waits for the result. */
  hurry(): void {
    this.#urgent = this.#inFlight.reduce(
      (sum, { records }) => sum + records.length,
      this.#parts.queue.waiting,
    );
    this.#retry.reset();
    this.#endWait?.();
    this.#outside(() => this.#start());
  }

  /** Begins to look after what runs and after the instance, once a second. */
  keepHouse(): void {
    if (this.#chores !== undefined || this.#isStopped) return;
    this.#chores = this.#outside(() => setInterval(() => this.#lookForChores(), HOUSEKEEPING_MILLIS).unref());
  }

  /** Nothing is written any more, once what is in flight is. */
  stop(): void {
    this.#isStopped = true;
    clearInterval(this.#chores);
    this.#endWait?.();
  }

  #lookForChores(): void {
    try {
      if (this.#hasChores || !untraced(() => this.#parts.housekeeping.isDue())) return;
    } catch {
      // A clock of the caller's own; thrown out of a timer it would end the process.
      return;
    }
    this.#hasChores = true;
    this.#start();
  }

  #start(): void {
    clearTimeout(this.#linger);
    clearImmediate(this.#immediate);
    this.#linger = undefined;
    this.#immediate = undefined;
    if (this.#isWriting || this.#isStopped || !this.#hasWork) return;
    this.#isWriting = true;
    this.#idle = new Deferred();
    untraced(() => this.#work()).catch(() => {
      // Only a clock of the caller's own gets here; the next record starts over.
      this.#isWriting = false;
      this.#idle.resolve();
    });
  }

  get #hasWork(): boolean {
    const { queue } = this.#parts;
    if (queue.waiting > 0) return true;
    // The store is to hear of the death of an instance as soon as it has all of its records.
    if ((queue.settledInstances?.().length ?? 0) > 0) this.#hasChores = true;
    return this.#hasChores;
  }

  async #work(): Promise<void> {
    while (!this.#isStopped && this.#hasWork) {
      const error = this.#hasChores ? await this.#doChores() : await this.#deliver();
      this.#parts.onProgress();
      if (error !== undefined && !this.#isStopped) await this.#wait(error);
      else if (this.#canLinger) break;
    }
    if (!this.#hasWork) this.#urgent = 0;
    this.#isWriting = false;
    this.#idle.resolve();
    if (!this.#isStopped) this.wake();
  }

  /** Whether what is queued can as well wait for company. */
  get #canLinger(): boolean {
    const { queue, options } = this.#parts;
    const { waiting } = queue;
    return waiting > 0 && waiting < options.maxExportBatchSize && this.#urgent === 0 && !this.#hasChores;
  }

  async #doChores(): Promise<StoreUnavailableError | undefined> {
    // Failed chores are due again in a second: they must not stand in the way of records.
    this.#hasChores = false;
    try {
      await this.#parts.housekeeping.run();
    } catch (error) {
      const unavailable = unavailableBy(error);
      this.#failed(unavailable, 1);
      return unavailable;
    }
    this.#succeeded();
    return undefined;
  }

  /** Delivers a batch, and more while full ones wait. Puts what failed back once nothing is under way, and returns why. */
  async #deliver(): Promise<StoreUnavailableError | undefined> {
    let trouble: StoreUnavailableError | undefined;
    const underWay = new Set<Promise<void>>();
    const send = (): void => {
      const write = this.#deliverNext().then((error) => {
        trouble ??= error;
        underWay.delete(write);
        this.#parts.onProgress();
      });
      underWay.add(write);
    };
    const maySend = (): boolean =>
      trouble === undefined && underWay.size < this.#maxWrites && this.#hasBacklog;
    send();
    while (underWay.size > 0) {
      // To make a batch ready takes milliseconds: between two of them the application has its turn.
      await (maySend() ? nextTurn() : Promise.race(underWay));
      if (maySend()) send();
    }
    this.giveBack();
    return trouble;
  }

  /** One while nobody knows that the store works, none beside what is under way when something else has its turn. */
  get #maxWrites(): number {
    if (this.#isStopped || this.#hasChores) return 0;
    return this.#breaker.hasFailed ? 1 : Math.min(MAX_WRITES, this.#parts.session.maxWrites);
  }

  get #hasBacklog(): boolean {
    return this.#parts.queue.waiting >= this.#batchSize.current;
  }

  /** Settles a batch, or what the store takes of it, and returns why it takes no more. */
  async #deliverNext(): Promise<StoreUnavailableError | undefined> {
    const { queue, delivery, options } = this.#parts;
    const records = this.#breaker.limit(this.#batchSize.current);
    const batch = queue.take({ records, bytes: options.maxExportBatchBytes });
    if (batch === undefined) return undefined;
    const before = delivery.storedCount;
    this.#inFlight.push(batch);
    this.#breaker.trying();
    try {
      await delivery.deliver(batch);
    } catch (error) {
      if (delivery.storedCount > before) this.#retry.reset();
      const unavailable = unavailableBy(error);
      this.#failed(unavailable, batch.records.length);
      return unavailable;
    }
    const at = this.#inFlight.indexOf(batch);
    if (at >= 0) this.#inFlight.splice(at, 1);
    this.#urgent = Math.max(0, this.#urgent - batch.records.length);
    this.#succeeded();
    this.#batchSize.succeeded(queue.waiting);
    return undefined;
  }

  #succeeded(): void {
    this.#retry.reset();
    this.#breaker.succeeded();
    this.#parts.log.storeWorks();
  }

  #failed(error: StoreUnavailableError, records: number): void {
    if (error.fewerMayHelp) this.#batchSize.failed(records);
    this.#breaker.failed();
    this.#parts.session.reopen();
    if (!this.#isStopped) this.#parts.log.storeFailed(error, this.#parts.queue.durability);
  }

  /** Waits before the next write, until the time is over or somebody is in a hurry. */
  #wait(error: StoreUnavailableError): Promise<void> {
    const delay = Math.min(this.#parts.longestWait(), this.#retry.nextDelay(error.errorClass));
    return new Promise((resolve) => {
      const timer = setTimeout(() => this.#endWait?.(), delay).unref();
      this.#endWait = () => {
        clearTimeout(timer);
        this.#endWait = undefined;
        resolve();
      };
    });
  }
}

function nextTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve).unref());
}

function unavailableBy(error: unknown): StoreUnavailableError {
  if (error instanceof StoreUnavailableError) return error;
  const { errorClass, code } = classifyError(error);
  return new StoreUnavailableError(errorClass === 'data' ? 'unknown' : errorClass, code, false);
}
