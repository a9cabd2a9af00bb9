import { describe, expect, it } from '@jest/globals';
import { MemoryRecordStore } from '../../src/store/memory-record-store.ts';
import { stepRecord } from '../support/execution-records.ts';

describe('MemoryRecordStore', () => {
  it('forgets what was written first when it is full', async () => {
    const store = new MemoryRecordStore({ maxRecords: 3 });
    const records = Array.from({ length: 5 }, () => stepRecord());
    await store.write(records.slice(0, 2));
    await store.write(records.slice(2));
    expect(store.records()).toEqual(records.slice(2));
    expect(store.rows().map((row) => row.record_id)).toEqual(
      records.slice(2).map((record) => record.recordId),
    );
  });

  it('bounds its quarantine too', async () => {
    const store = new MemoryRecordStore({ maxRecords: 2 });
    await store.quarantine(Array.from({ length: 5 }, () => ({ record: stepRecord(), reason: 'x' })));
    expect(store.quarantined()).toHaveLength(2);
  });

  it.each([0, -1, 1.5, Number.NaN])('refuses to keep %p records', (maxRecords) => {
    expect(() => new MemoryRecordStore({ maxRecords })).toThrow(
      /maxRecords must be an integer of at least 1/,
    );
  });
});
