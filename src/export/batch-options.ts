import { logGuarded } from './guarded-log.ts';

/** How long to wait between writes while the store does not take them. */
export interface RetryOptions {
  /** Upper bound of the first wait; it doubles with every further failure. Milliseconds. @default 100 */
  readonly baseDelayMillis?: number;
  /** Upper bound of every wait. Milliseconds. @default 5_000 */
  readonly maxDelayMillis?: number;
  /** Numbers in [0, 1): each wait is drawn between 0 and its bound. @default Math.random */
  readonly random?: () => number;
  /** A clock that never steps, in milliseconds. @default performance.now */
  readonly now?: () => number;
}

/** Options of {@link BatchRecordExporter}; the names are those of the SDK's `BatchSpanProcessor` where it has them. */
export interface BatchOptions {
  /** Records queued at most. @default 50_000 */
  readonly maxQueueSize?: number;
  /** Bytes queued at most, by an estimate for each record. @default 64 MiB */
  readonly maxQueueBytes?: number;
  /** Records in one write. @default 512 */
  readonly maxExportBatchSize?: number;
  /** Records in one write while a backlog is worked off. @default 2048 */
  readonly maxBacklogBatchSize?: number;
  /** Estimated bytes in one write. @default 4 MiB */
  readonly maxExportBatchBytes?: number;
  /** How long records wait for company, so that they are written in batches. Milliseconds. @default 50 */
  readonly scheduledDelayMillis?: number;
  /**
   * How long a write may take; after that its outcome is unknown and the same records are sent again. Also the
   * bound of `forceFlush`. Milliseconds. @default 30_000
   */
  readonly exportTimeoutMillis?: number;
  /** How long `shutdown` may take, the closing of the store included. Milliseconds. @default 5_000 */
  readonly shutdownTimeoutMillis?: number;
  readonly retry?: RetryOptions;
}

/** The options, complete. */
export type ResolvedBatchOptions = Required<Omit<BatchOptions, 'retry'>> & {
  readonly retry: Required<RetryOptions>;
};

type NumberOption = Exclude<keyof BatchOptions, 'retry'>;

const DEFAULTS: Readonly<Record<NumberOption, number>> = {
  maxQueueSize: 50_000,
  maxQueueBytes: 64 * 1024 * 1024,
  maxExportBatchSize: 512,
  maxBacklogBatchSize: 2048,
  maxExportBatchBytes: 4 * 1024 * 1024,
  scheduledDelayMillis: 50,
  exportTimeoutMillis: 30_000,
  shutdownTimeoutMillis: 5_000,
};

/** The smallest value that can work; a timer takes no more than 31 bits. */
const RANGES: Readonly<Record<NumberOption, readonly [min: number, max: number]>> = {
  maxQueueSize: [1, Number.MAX_SAFE_INTEGER],
  maxQueueBytes: [65_536, Number.MAX_SAFE_INTEGER],
  maxExportBatchSize: [1, Number.MAX_SAFE_INTEGER],
  maxBacklogBatchSize: [1, Number.MAX_SAFE_INTEGER],
  maxExportBatchBytes: [1, Number.MAX_SAFE_INTEGER],
  scheduledDelayMillis: [0, 2 ** 31 - 1],
  exportTimeoutMillis: [1, 2 ** 31 - 1],
  shutdownTimeoutMillis: [1, 2 ** 31 - 1],
};

const RETRY_DEFAULTS: Required<RetryOptions> = {
  baseDelayMillis: 100,
  maxDelayMillis: 5_000,
  random: Math.random,
  now: () => performance.now(),
};

/**
 * Completes the options. Throws a `RangeError` or a `TypeError` for what was stated and can not work; a default that
 * does not fit what was stated is adapted to it, and said so on `diag`.
 */
export function resolveBatchOptions(options: BatchOptions = {}): ResolvedBatchOptions {
  refuseUnknown(options, [...Object.keys(DEFAULTS), 'retry'], '');
  const stated = options as Partial<Record<NumberOption, number>>;
  const resolved = { ...DEFAULTS };
  for (const name of Object.keys(DEFAULTS) as NumberOption[]) {
    const value = stated[name];
    if (value !== undefined) resolved[name] = integer(name, value, RANGES[name]);
  }
  keepAtMost(stated, resolved, 'maxExportBatchSize', 'maxQueueSize');
  if (stated.maxExportBatchSize === undefined && stated.maxBacklogBatchSize !== undefined) {
    keepAtMost(stated, resolved, 'maxExportBatchSize', 'maxBacklogBatchSize');
  }
  if (resolved.maxBacklogBatchSize < resolved.maxExportBatchSize) {
    if (stated.maxBacklogBatchSize !== undefined)
      throw exceeds(resolved, 'maxExportBatchSize', 'maxBacklogBatchSize');
    resolved.maxBacklogBatchSize = resolved.maxExportBatchSize;
  }
  return Object.freeze({ ...resolved, retry: resolveRetry(options.retry) });
}

function resolveRetry(retry: RetryOptions = {}): Required<RetryOptions> {
  refuseUnknown(retry, Object.keys(RETRY_DEFAULTS), 'retry.');
  const range = [1, 2 ** 31 - 1] as const;
  const resolved = {
    baseDelayMillis: integer(
      'retry.baseDelayMillis',
      retry.baseDelayMillis ?? RETRY_DEFAULTS.baseDelayMillis,
      range,
    ),
    maxDelayMillis: integer(
      'retry.maxDelayMillis',
      retry.maxDelayMillis ?? RETRY_DEFAULTS.maxDelayMillis,
      range,
    ),
    random: callable('retry.random', retry.random ?? RETRY_DEFAULTS.random),
    now: callable('retry.now', retry.now ?? RETRY_DEFAULTS.now),
  };
  if (resolved.baseDelayMillis > resolved.maxDelayMillis) {
    throw new RangeError(
      `retry.baseDelayMillis (${resolved.baseDelayMillis}) must not exceed retry.maxDelayMillis (${resolved.maxDelayMillis})`,
    );
  }
  return Object.freeze(resolved);
}

/** `small` must not exceed `large`: refused where `small` was stated, adapted where it is a default. */
function keepAtMost(
  stated: Partial<Record<NumberOption, number>>,
  resolved: Record<NumberOption, number>,
  small: NumberOption,
  large: NumberOption,
): void {
  if (resolved[small] <= resolved[large]) return;
  if (stated[small] !== undefined) throw exceeds(resolved, small, large);
  resolved[small] = resolved[large];
  logGuarded('info', () => `${small} is lowered to ${resolved[large]}, because of ${large}`);
}

function exceeds(
  resolved: Record<NumberOption, number>,
  small: NumberOption,
  large: NumberOption,
): RangeError {
  return new RangeError(`${small} (${resolved[small]}) must not exceed ${large} (${resolved[large]})`);
}

function integer(name: string, value: unknown, [min, max]: readonly [number, number]): number {
  if (typeof value === 'number' && Number.isInteger(value) && value >= min && value <= max) return value;
  throw new RangeError(`${name} must be an integer from ${min} to ${max}, got ${shown(value)}`);
}

function callable<F extends () => number>(name: string, value: F): F {
  if (typeof value === 'function') return value;
  throw new TypeError(`${name} must be a function, got ${shown(value)}`);
}

function refuseUnknown(options: unknown, known: readonly string[], prefix: string): void {
  if (typeof options !== 'object' || options === null) {
    throw new TypeError(
      `${prefix === '' ? 'batch options' : 'retry'} must be an object, got ${shown(options)}`,
    );
  }
  const unknown = Object.keys(options).find((key) => !known.includes(key));
  if (unknown === undefined) return;
  throw new TypeError(
    `unknown option ${prefix}${unknown}; known are ${known.map((key) => prefix + key).join(', ')}`,
  );
}

function shown(value: unknown): string {
  return typeof value === 'string' ? JSON.stringify(value) : String(value);
}
