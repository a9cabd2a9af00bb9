import { readFileSync } from 'node:fs';
import { untraced } from '../export/untraced.ts';
import type { Durability } from '../store/record-store.ts';

/** How a {@link SpoolRecordQueue} keeps records. */
export interface SpoolOptions {
  /** Where the directories of all instances are, `.runledger/spool`; made when the first record comes. */
  readonly directory: string;
  /** Names the directory of this one. */
  readonly instanceId: string;
  /** When the instance began. Milliseconds since the Unix epoch. @default now */
  readonly startedAt?: number;
  /** `os` has what was appended forced to disk every half second. @default 'process' */
  readonly durability?: Exclude<Durability, 'memory'>;
  /** Records kept in memory, beyond which they are on disk alone. @default 5_000 */
  readonly maxQueueSize?: number;
  /** Bytes of those, by an estimate for each record. @default 8 MiB */
  readonly maxQueueBytes?: number;
  /** Bytes of files, of which a quarter is kept for records of the first lane. @default 512 MiB */
  readonly maxSpoolBytes?: number;
  /** Bytes after which a file is finished and the next begun. @default 1 MiB */
  readonly segmentBytes?: number;
  /** Age at which it is too. Milliseconds. @default 60_000 */
  readonly segmentMillis?: number;
  /** A clock that never steps, in milliseconds. @default performance.now */
  readonly now?: () => number;
  /** How long this thread has been ready to run without a processor, milliseconds. @default what Linux says, 0 elsewhere */
  readonly waited?: () => number;
}

/** How a spool is kept, nothing left open. */
export type ResolvedSpoolOptions = Required<SpoolOptions>;

/** The options, complete. */
export function resolveSpoolOptions(options: SpoolOptions): ResolvedSpoolOptions {
  const maxSpoolBytes = options.maxSpoolBytes ?? 512 * 1024 * 1024;
  // What is removed for room goes file by file, so a small spool has small files.
  const segmentBytes = Math.min(options.segmentBytes ?? 1024 * 1024, Math.floor(maxSpoolBytes / 16));
  return {
    directory: options.directory,
    instanceId: options.instanceId,
    startedAt: options.startedAt ?? Date.now(),
    durability: options.durability ?? 'process',
    maxQueueSize: options.maxQueueSize ?? 5_000,
    maxQueueBytes: options.maxQueueBytes ?? 8 * 1024 * 1024,
    maxSpoolBytes,
    segmentBytes,
    segmentMillis: options.segmentMillis ?? 60_000,
    now: options.now ?? (() => performance.now()),
    waited: options.waited ?? waitedByScheduler,
  };
}

/**
 * Milliseconds this thread was ready to run and had no processor, as Linux counts them; 0 where nobody does, so that every
 * slow write is put down to the disk.
 */
function waitedByScheduler(): number {
  try {
    const [, waitedNanos] = untraced(() => readFileSync('/proc/thread-self/schedstat', 'latin1')).split(' ');
    return Number(waitedNanos) / 1e6 || 0;
  } catch {
    return 0;
  }
}
