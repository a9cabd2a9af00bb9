import { afterEach, expect, it, jest } from '@jest/globals';
import { BatchRecordExporter } from '../../src/export/batch-record-exporter.ts';
import { MemoryRecordStore } from '../../src/store/memory-record-store.ts';
import { stepRecord } from '../support/execution-records.ts';

afterEach(() => {
  jest.useRealTimers();
});

it('survives a clock of the caller that throws', async () => {
  jest.useFakeTimers();
  let isBroken = false;
  const now = () => {
    if (isBroken) throw new RangeError('no time');
    return 0;
  };
  const exporter = new BatchRecordExporter(new MemoryRecordStore(), { retry: { now } });
  exporter.export(stepRecord());
  await jest.advanceTimersByTimeAsync(100);
  expect(exporter.accounts()).toMatchObject({ stored: 1, queued: 0 });
  isBroken = true;
  // What is thrown in a timer reaches whoever advances it, as it would end a process.
  await expect(jest.advanceTimersByTimeAsync(30_000)).resolves.toBeUndefined();
});
