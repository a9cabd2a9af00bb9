import { randomUUID } from 'node:crypto';
import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { SpoolOptions } from '../../src/spool/spool-options.ts';
import { SpoolRecordQueue } from '../../src/spool/spool-record-queue.ts';
import type { Dropped, TestedQueue } from './describe-record-queue.ts';

export interface TestedSpool extends TestedQueue {
  readonly queue: SpoolRecordQueue;
  readonly instanceId: string;
  /** Where its files are. */
  readonly path: string;
}

/** A directory for spools, with what is open in it. */
export interface SpoolFolder {
  readonly path: string;
  open(options?: Partial<SpoolOptions>): TestedSpool;
  /** Names in the directory, or in one below it. */
  names(directory?: string): string[];
  /** Closes all queues and removes everything. */
  remove(): void;
}

export function createSpoolFolder(): SpoolFolder {
  const path = mkdtempSync(join(tmpdir(), 'runledger-spool-'));
  const queues: SpoolRecordQueue[] = [];
  return {
    path,
    open(options = {}) {
      const instanceId = options.instanceId ?? randomUUID();
      const dropped: Dropped[] = [];
      const queue = new SpoolRecordQueue(
        { directory: path, instanceId, ...options },
        (reason, records, firstSeq) => dropped.push({ reason, records, firstSeq }),
      );
      queues.push(queue);
      return { queue, dropped, instanceId, path: join(options.directory ?? path, instanceId) };
    },
    names: (directory = '') => readdirSync(join(path, directory)).sort(),
    remove() {
      for (const queue of queues) queue.close();
      rmSync(path, { recursive: true, force: true });
    },
  };
}

/** Waits until a file or directory has been removed. */
export async function untilGone(path: string): Promise<void> {
  while (existsSync(path)) await nextTurn();
}
