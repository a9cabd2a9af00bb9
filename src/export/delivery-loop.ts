import { AsyncLocalStorage } from 'node:async_hooks';
import type { ResolvedBatchOptions } from './batch-options.ts';
import { BatchWrites, unavailableBy } from './batch-writes.ts';
import { Breaker, type BreakerState } from './breaker.ts';
import { Deferred } from './deferred.ts';
import type { ExporterLog } from './exporter-log.ts';
import type { Housekeeping } from './housekeeping.ts';
import type { RecordDelivery } from './record-delivery.ts';
import type { RecordQueue } from './record-queue.ts';
import { RetryPolicy } from './retry-policy.ts';
import type { StoreSession } from './store-session.ts';
import type { StoreUnavailableError } from './store-unavailable-error.ts';
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

/**
 * Says when batches are written.
 *
 * It is *idle* while nothing is queued; *lingering* for `scheduledDelayMillis` while less than a batch is, since a small
 * write costs the application almost as much as a full one; *writing* batch after batch, without a pause, while
 * more is; *waiting* between writes while the store does not take them, without end. A flush or a shutdown cuts lingering and
 * waiting short. Its timers do not keep the process alive.
 */
export class DeliveryLoop {
  readonly #parts: DeliveryParts;
  readonly #retry: RetryPolicy;
  readonly #writes: BatchWrites;
  readonly #breaker = new Breaker();
  /** Runs our work outside the async context of whoever exported the first record. */
  readonly #outside = AsyncLocalStorage.snapshot();
  #isWriting = false;
  #isStopped = false;
  /** How many records somebody waits for: what was queued then, and not what has come since. */
  #urgent = 0;
  #hasChores = false;
  #linger: NodeJS.Timeout | undefined;
  #immediate: NodeJS.Immediate | undefined;
  #chores: NodeJS.Timeout | undefined;
  #endWait: (() => void) | undefined;
  #idle = new Deferred();

  constructor(parts: DeliveryParts) {
    this.#parts = parts;
    this.#retry = new RetryPolicy(parts.options.retry);
    this.#writes = new BatchWrites({
      ...parts,
      breaker: this.#breaker,
      onDelivered: (records) => {
        this.#urgent = Math.max(0, this.#urgent - records);
        this.#succeeded();
      },
      onFailed: (error, hasStoredSome) => {
        if (hasStoredSome) this.#retry.reset();
        this.#failed(error);
      },
    });
  }

  get breakerState(): BreakerState {
    return this.#breaker.state;
  }

  /** Puts what is being written now back into the queue. */
  giveBack(): void {
    this.#writes.giveBack();
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
    this.#urgent = this.#parts.queue.waiting + this.#writes.records;
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
      const error = this.#hasChores
        ? await this.#doChores()
        : await this.#writes.deliver(() => this.#mayGoOn);
      this.#parts.onProgress();
      if (error !== undefined && !this.#isStopped) await this.#wait(error);
      else if (this.#canLinger) break;
    }
    if (!this.#hasWork) this.#urgent = 0;
    this.#isWriting = false;
    this.#idle.resolve();
    if (!this.#isStopped) this.wake();
  }

  /** Whether batch may follow batch. */
  get #mayGoOn(): boolean {
    return !this.#isStopped && !this.#hasChores;
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
      this.#failed(unavailable);
      return unavailable;
    }
    this.#succeeded();
    return undefined;
  }

  #succeeded(): void {
    this.#retry.reset();
    this.#breaker.succeeded();
    this.#parts.log.storeWorks();
  }

  #failed(error: StoreUnavailableError): void {
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
