import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { LeftRecords } from '../../src/spool/left-records.ts';
import { stepRecord } from '../support/execution-records.ts';

describe('records that were left to their file', () => {
  it('are told apart by their numbers, each once', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 2 ** 45 }),
        fc.array(fc.tuple(fc.boolean(), fc.integer({ min: 0, max: 5_000 }))),
        (firstSeq, calls) => {
          const left = new LeftRecords(firstSeq);
          const expected = new Set<number>();
          for (const [isAdded, offset] of calls) {
            const record = stepRecord({ seq: firstSeq + offset });
            if (isAdded) {
              expect(left.add(record)).toBe(true);
              expected.add(offset);
            } else {
              expect(left.delete(record)).toBe(expected.delete(offset));
            }
          }
        },
      ),
    );
  });

  it('are few where they have no number', () => {
    const left = new LeftRecords(1);
    const records = Array.from({ length: 101 }, () => stepRecord({ seq: 0, state: 'suspended' }));
    expect(records.map((record) => left.add(record))).toEqual([...Array(100).fill(true), false]);
    expect(records.map((record) => left.delete(record))).toEqual([...Array(100).fill(true), false]);
    expect(left.delete(stepRecord({ seq: 1 }))).toBe(false);
  });
});
