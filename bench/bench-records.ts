import type { ExecutionRecord } from 'runledger';
import { recordIdOf } from '../src/record-id.ts';

/** Steps as they come, a millisecond apart, a hundred a run. */
export function benchRecords(count: number): ExecutionRecord[] {
  return Array.from({ length: count }, (_, at) => benchRecord(at));
}

/** The step that comes at this place. */
export function benchRecord(at: number): ExecutionRecord {
  const spanId = (at + 1).toString(16).padStart(16, '0');
  const startedAt = 1_790_000_000_000 + at;
  return {
    recordId: recordIdOf([startedAt / 1_000, 0], spanId),
    rev: 2,
    instanceId: 'c0ffee00-0000-4000-8000-000000000000',
    seq: 0,
    kind: 'step',
    name: 'load',
    pipeline: 'nightly-orders',
    runId: `01990000-0000-7000-8000-${Math.floor(at / 100)
      .toString(16)
      .padStart(12, '0')}`,
    parentRecordId: recordIdOf([startedAt / 1_000, 0], '00000000000000ff'),
    traceId: spanId.padStart(32, 'a'),
    spanId,
    parentSpanId: '00000000000000ff',
    attempt: 1,
    state: 'ended',
    outcome: 'success',
    startedAt,
    endedAt: startedAt + 5.5,
    durationMs: 5.5,
    recoveredFailures: 0,
    keepReason: 'all',
    sampleRate: 1,
    rowsIn: 100,
    writer,
  };
}

const writer = {
  serviceName: 'bench',
  host: 'localhost',
  pid: 1,
};
