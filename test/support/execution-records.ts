import type { ExecutionRecord, RecordSource } from '../../src/records/execution-record.ts';
import type { LedgerInstance } from '../../src/store/record-store.ts';

/** The process every record comes from, unless a test says otherwise. */
export const TEST_WRITER: RecordSource = {
  serviceName: 'orders',
  serviceVersion: '1.2.3',
  host: 'host-1',
  pid: 4242,
};

/** The instance that numbered every record, unless a test says otherwise. */
export const TEST_INSTANCE_ID = '0190c0de-0000-7000-8000-000000000001';

/** 2026-11-20T03:00:00Z: when the first record starts; each next one starts a millisecond later. */
export const TEST_EPOCH_MS = Date.UTC(2026, 10, 20, 3);

let created = 0;

/** A finished, successful step of pipeline `nightly-orders`. Each call gives a new execution. */
export function stepRecord(overrides: Partial<ExecutionRecord> = {}): ExecutionRecord {
  return executionRecord({ kind: 'step', name: 'load', parentSpanId: '00000000000000ff' }, overrides);
}

/** A finished, successful process of pipeline `nightly-orders`. */
export function processRecord(overrides: Partial<ExecutionRecord> = {}): ExecutionRecord {
  return executionRecord({ kind: 'process', name: 'extract', parentSpanId: '00000000000000ff' }, overrides);
}

/** A finished, successful run of pipeline `nightly-orders`. Its `runId` is its own record id, unless given. */
export function runRecord(overrides: Partial<ExecutionRecord> = {}): ExecutionRecord {
  return executionRecord({ kind: 'pipeline', name: 'nightly-orders' }, overrides);
}

/** What a report says of the instance that made the records. */
export function instance(overrides: Partial<LedgerInstance>): LedgerInstance {
  return {
    ...TEST_WRITER,
    instanceId: TEST_INSTANCE_ID,
    durability: 'process',
    startedAt: TEST_EPOCH_MS,
    heartbeatAt: TEST_EPOCH_MS,
    lastSeq: 1,
    sampledOut: 0,
    ...overrides,
  };
}

/** What a failure adds to a record: `stepRecord({ ...failure() })`. */
export function failure(message = 'connection refused'): Partial<ExecutionRecord> {
  return {
    outcome: 'failure',
    error: `Error: ${message}`,
    errorType: 'Error',
    errorMessage: message,
    errorStack: `Error: ${message}\n    at load (/app/load.js:10:5)`,
    errorChain: JSON.stringify([{ type: 'Error', message }]),
    errorFingerprint: Buffer.from(message).toString('hex').padEnd(16, '0').slice(0, 16),
  };
}

function executionRecord(
  identity: Pick<ExecutionRecord, 'kind' | 'name' | 'parentSpanId'>,
  overrides: Partial<ExecutionRecord>,
): ExecutionRecord {
  const seq = ++created;
  const startedAt = overrides.startedAt ?? TEST_EPOCH_MS + seq;
  const durationMs = overrides.durationMs ?? 5;
  const spanId = overrides.spanId ?? seq.toString(16).padStart(16, '0');
  const recordId =
    overrides.recordId ??
    Math.floor(startedAt * 1000)
      .toString(16)
      .padStart(13, '0') + spanId;
  return {
    ...identity,
    recordId,
    rev: 1,
    instanceId: TEST_INSTANCE_ID,
    seq,
    pipeline: 'nightly-orders',
    runId: recordId,
    traceId: seq.toString(16).padStart(32, '0'),
    spanId,
    attempt: 1,
    state: 'ended',
    outcome: 'success',
    startedAt,
    endedAt: startedAt + durationMs,
    durationMs,
    recoveredFailures: 0,
    keepReason: 'all',
    sampleRate: 1,
    writer: TEST_WRITER,
    ...overrides,
  };
}
