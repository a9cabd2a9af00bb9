import { join } from 'node:path';
import { afterAll } from '@jest/globals';
import { MemoryRecordQueue } from '../../src/export/memory-record-queue.ts';
import type { SpoolOptions } from '../../src/spool/spool-options.ts';
import { TEST_INSTANCE_ID } from '../support/execution-records.ts';
import { type Dropped, describeRecordQueue, type TestedQueue } from './describe-record-queue.ts';
import { createSpoolFolder } from './spool-folder.ts';

describeRecordQueue('the queue in memory', () => {
  const dropped: Dropped[] = [];
  const limits = { maxQueueSize: 1_000, maxQueueBytes: 1e9 };
  const queue = new MemoryRecordQueue(limits, (reason, records) => dropped.push({ reason, records }));
  return { queue, dropped };
});

let opened = 0;
const folder = createSpoolFolder();
afterAll(() => folder.remove());

/** A spool of its own for each: the records of the tests are all of one instance. */
function open(options: Partial<SpoolOptions> = {}): TestedQueue {
  const directory = join(folder.path, String(++opened));
  return folder.open({ directory, instanceId: TEST_INSTANCE_ID, ...options });
}

describeRecordQueue('the queue on disk', () => open());

describeRecordQueue('the queue on disk, with next to nothing in memory', () => open({ maxQueueSize: 1 }));
