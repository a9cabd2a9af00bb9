export interface BatchSizeLimits {
  readonly maxExportBatchSize: number;
  readonly maxBacklogBatchSize: number;
}

/**
 * How many records the next write takes: doubled while more than a usual batch wait, since a large write costs little
 * more than a small one; halved when a batch was too much for a slow or failing store, which may still manage less.
 */
export class BatchSize {
  readonly #limits: BatchSizeLimits;
  #size: number;
  #ceiling: number;

  constructor(limits: BatchSizeLimits) {
    this.#limits = limits;
    this.#size = limits.maxExportBatchSize;
    this.#ceiling = limits.maxBacklogBatchSize;
  }

  get current(): number {
    return Math.min(this.#size, this.#ceiling);
  }

  /** A write was taken, and so many records wait. */
  succeeded(waiting: number): void {
    const { maxExportBatchSize, maxBacklogBatchSize } = this.#limits;
    this.#ceiling = Math.min(maxBacklogBatchSize, this.#ceiling * 2);
    const isBacklog = waiting > maxExportBatchSize;
    this.#size = isBacklog ? Math.min(maxBacklogBatchSize, this.#size * 2) : maxExportBatchSize;
  }

  /** A batch of `records` was too much at once. */
  failed(records: number): void {
    this.#ceiling = Math.max(1, Math.floor(Math.min(this.#ceiling, records) / 2));
  }
}
