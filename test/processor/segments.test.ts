import { describe, expect, it } from '@jest/globals';
import { leaveNotes } from '../../src/execution.ts';
import {
  ATTR_PARENT_RECORD_ID,
  ATTR_RECORD_ID,
  ATTR_RUN_ID,
  ATTR_SEGMENT,
  ATTR_STARTED_AT,
  ATTR_STATE,
  ATTR_SUSPENDED_MS,
} from '../../src/semconv.ts';
import { type TracedExecution, TracedLedger } from '../support/traced-executions.ts';

const HOUR_MS = 3_600_000;
const START_MS = Date.UTC(2026, 10, 20, 3);

/** The attributes of a later segment of an execution. */
function segment(number: number, recordId: string) {
  return {
    [ATTR_RECORD_ID]: recordId,
    [ATTR_SEGMENT]: number,
    [ATTR_STARTED_AT]: START_MS,
    [ATTR_SUSPENDED_MS]: HOUR_MS,
  };
}

function suspend(execution: TracedExecution, endTime: number): void {
  execution.end({ attributes: { [ATTR_STATE]: 'suspended' }, endTime });
}

describe('an execution in segments', () => {
  it('is one record, whose last revision lasts from the first start to the last end', () => {
    const ledger = new TracedLedger();
    const first = ledger.pipeline('approval', { [ATTR_RUN_ID]: 'run-1' }, START_MS);
    suspend(first, START_MS + 500);
    const [suspended] = ledger.records;
    const second = ledger.pipeline(
      'approval',
      segment(2, suspended?.recordId ?? ''),
      START_MS + 500 + HOUR_MS,
    );
    second.end({ endTime: START_MS + 1_000 + HOUR_MS });

    expect(suspended).toMatchObject({ state: 'suspended', rev: 1, startedAt: START_MS, runId: 'run-1' });
    expect(suspended?.outcome).toBeUndefined();
    expect(suspended?.endedAt).toBeUndefined();
    expect(ledger.records[1]).toMatchObject({
      recordId: suspended?.recordId,
      rev: 4,
      state: 'ended',
      outcome: 'success',
      runId: 'run-1',
      startedAt: START_MS,
      endedAt: START_MS + 1_000 + HOUR_MS,
      durationMs: 1_000 + HOUR_MS,
      suspendedMs: HOUR_MS,
    });
    expect(ledger.records[1]?.flags).toBeUndefined();
    expect(ledger.processor.liveExecutions()).toEqual([]);
  });

  it('is live while it is suspended, and keeps the failures of every segment', () => {
    const ledger = new TracedLedger();
    const first = ledger.pipeline('approval', {}, START_MS);
    const across = first.step('across');
    first.step('cache').fail(new Error('no cache'));
    suspend(first, START_MS + 500);
    const recordId = ledger.records.at(-1)?.recordId ?? '';
    expect(ledger.processor.liveExecutions()).toEqual([
      expect.objectContaining({ name: 'across', state: 'running' }),
      expect.objectContaining({ name: 'approval', state: 'suspended' }),
    ]);
    const error = new Error('not approved');
    across.fail(error);
    ledger.step('meanwhile', { [ATTR_PARENT_RECORD_ID]: recordId }).end();
    const second = ledger.pipeline('approval', segment(2, recordId), START_MS + HOUR_MS);
    second.step('after').end();
    second.fail(error);

    expect(ledger.records.at(-1)).toMatchObject({
      recordId,
      outcome: 'failure',
      failedStep: 'across',
      failedCount: 1,
      recoveredFailures: 1,
    });
    for (const name of ['across', 'meanwhile', 'after']) {
      expect(ledger.recordOf(name)).toMatchObject({ parentRecordId: recordId, runId: recordId });
      expect(ledger.recordOf(name).flags).toBeUndefined();
    }
  });

  it('is rebuilt from its attributes where the first segment ran in another process', () => {
    const ledger = new TracedLedger();
    const recordId = '0061c0de0061c0de0061c0de00000';
    const attributes = {
      ...segment(3, recordId),
      [ATTR_RUN_ID]: 'run-1',
      [ATTR_PARENT_RECORD_ID]: 'parent-1',
    };
    const third = ledger.step('approve', attributes, START_MS + HOUR_MS);
    leaveNotes(third.span, { timeline: [{ at: START_MS, kind: 'detach' }], timelineTotal: 7 });
    third.span.end(START_MS + HOUR_MS + 250);

    expect(ledger.records).toEqual([
      expect.objectContaining({
        recordId,
        rev: 6,
        runId: 'run-1',
        parentRecordId: 'parent-1',
        startedAt: START_MS,
        durationMs: HOUR_MS + 250,
        timeline: JSON.stringify([{ at: START_MS, kind: 'detach' }]),
        timelineTotal: 7,
      }),
    ]);
  });

  it('bounds the suspended executions that are never resumed', () => {
    const ledger = new TracedLedger({ maxLiveExecutions: 10 });
    for (let count = 0; count < 100; count++)
      suspend(ledger.pipeline('approval', {}, START_MS), START_MS + 1);

    expect(ledger.processor.liveExecutions()).toHaveLength(10);
    expect(ledger.records).toHaveLength(100);
  });

  it('marks an end before the start, and never lasts less than nothing', () => {
    const ledger = new TracedLedger();
    const second = ledger.pipeline('approval', segment(2, 'r'), START_MS - HOUR_MS);
    second.end({ endTime: START_MS - HOUR_MS + 5 });

    expect(ledger.recordOf('approval')).toMatchObject({
      flags: ['clock_suspect'],
      startedAt: START_MS,
      endedAt: START_MS + 5,
      durationMs: 5,
    });
  });
});
