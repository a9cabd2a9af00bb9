import type { ResolvedBatchOptions } from './batch-options.ts';
import { BatchSize } from './batch-size.ts';
import type { Breaker } from './breaker.ts';
import { classifyError } from './error-classes.ts';
import type { RecordDelivery } from './record-delivery.ts';
import type { RecordBatch, RecordQueue } from './record-queue.ts';
import type { StoreSession } from './store-session.ts';
import { StoreUnavailableError } from './store-unavailable-error.ts';

/** Enough for the store never to wait for us: while one batch is written the next is put into columns and sent. */
const MAX_WRITES = 2;

/** What the writes work with. */
export interface BatchWritesParts {
  readonly options: ResolvedBatchOptions;
  readonly queue: RecordQueue;
  readonly session: StoreSession;
  readonly delivery: RecordDelivery;
  readonly breaker: Breaker;
  /** All of a batch is settled. */
  readonly onDelivered: (records: number) => void;
  /** The store did not take a batch, or not all of it. */
  readonly onFailed: (error: StoreUnavailableError, hasStoredSome: boolean) => void;
  /** Something of the queue was settled, or could not be. */
  readonly onProgress: () => void;
}

/**
 * Takes batches out of the queue and has them delivered: one at a time, and while full ones wait, two side by side where the
 * store takes that and works.
 */
export class BatchWrites {
  readonly #parts: BatchWritesParts;
  readonly #batchSize: BatchSize;
  /** Oldest first. What failed stays until nothing else is under way, so that all of it goes back in order. */
  readonly #inFlight: RecordBatch[] = [];

  constructor(parts: BatchWritesParts) {
    this.#parts = parts;
    this.#batchSize = new BatchSize(parts.options);
  }

  /** Records under way. */
  get records(): number {
    return this.#inFlight.reduce((sum, { records }) => sum + records.length, 0);
  }

  /** Puts what is under way back into the queue. */
  giveBack(): void {
    for (const batch of this.#inFlight.splice(0).reverse()) this.#parts.queue.giveBack(batch);
  }

  /**
   * Delivers a batch, and more while full ones wait and nothing else has its turn. Puts what failed back once nothing is under way,
   * and resolves to why.
   */
  async deliver(mayGoOn: () => boolean): Promise<StoreUnavailableError | undefined> {
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
      trouble === undefined && underWay.size < this.#maxWrites && this.#hasBacklog && mayGoOn();
    send();
    while (underWay.size > 0) {
      // To make a batch ready takes milliseconds: between two of them the application has its turn.
      await (maySend() ? nextTurn() : Promise.race(underWay));
      if (maySend()) send();
    }
    this.giveBack();
    return trouble;
  }

  /** One while nobody knows that the store works. */
  get #maxWrites(): number {
    const { breaker, session } = this.#parts;
    return breaker.hasFailed ? 1 : Math.min(MAX_WRITES, session.maxWrites);
  }

  get #hasBacklog(): boolean {
    return this.#parts.queue.waiting >= this.#batchSize.current;
  }

  /** Settles a batch, or what the store takes of it, and resolves to why it takes no more. */
  async #deliverNext(): Promise<StoreUnavailableError | undefined> {
    const { queue, delivery, options, breaker } = this.#parts;
    const records = breaker.limit(this.#batchSize.current);
    const batch = queue.take({ records, bytes: options.maxExportBatchBytes });
    if (batch === undefined) return undefined;
    const before = delivery.storedCount;
    this.#inFlight.push(batch);
    breaker.trying();
    try {
      await delivery.deliver(batch);
    } catch (error) {
      const unavailable = unavailableBy(error);
      if (unavailable.fewerMayHelp) this.#batchSize.failed(batch.records.length);
      this.#parts.onFailed(unavailable, delivery.storedCount > before);
      return unavailable;
    }
    const at = this.#inFlight.indexOf(batch);
    if (at >= 0) this.#inFlight.splice(at, 1);
    this.#parts.onDelivered(batch.records.length);
    this.#batchSize.succeeded(queue.waiting);
    return undefined;
  }
}

/** Why the store does not take what it was given, whatever it threw. */
export function unavailableBy(error: unknown): StoreUnavailableError {
  if (error instanceof StoreUnavailableError) return error;
  const { errorClass, code } = classifyError(error);
  return new StoreUnavailableError(errorClass === 'data' ? 'unknown' : errorClass, code, false);
}

function nextTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve).unref());
}
