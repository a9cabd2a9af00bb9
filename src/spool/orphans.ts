import { join } from 'node:path';
import type { AdoptedInstance } from '../export/record-queue.ts';
import { adoptDirectory } from './adoption.ts';
import { instanceNames } from './instance-directory.ts';

/** What an instance that is no more has left in a spool. */
export interface Orphan extends AdoptedInstance {
  /** Executions that it started, or said to be running; most of them will have ended. */
  readonly started: number;
  /** Bytes of its files, and of those how many can not be read. */
  readonly bytes: number;
  readonly damagedBytes: number;
}

/**
 * What instances that are no more have left in the spool in a directory, without taking it over: each is locked while it is
 * read. Leaves out those that live, those that are being taken over, and what can not be read. Never rejects.
 */
export async function listOrphans(directory: string): Promise<readonly Orphan[]> {
  const orphans: Orphan[] = [];
  let id = 0;
  for (const name of instanceNames(directory)) {
    const adoption = await adoptDirectory(join(directory, name), () => ++id).catch(() => undefined);
    if (adoption === undefined) continue;
    adoption.release();
    const { instance, records, losses, segments, damagedBytes } = adoption;
    const bytes = segments.reduce((sum, segment) => sum + segment.bytes, 0);
    const started = segments.reduce((sum, { unread }) => sum + unread.running, 0);
    orphans.push({ instance, records, losses, started, bytes, damagedBytes });
  }
  return orphans;
}
