import type { ExecutionRecord } from '../../src/records/execution-record.ts';
import { failure, processRecord, runRecord, stepRecord } from './execution-records.ts';

/** 2026-11-20 03:00 local time. */
const FAILED_RUN_START = new Date(2026, 10, 20, 3).getTime();
export const FAILED_RUN_ID = '0193469e-2c00-7a11-8def-000000000001';
export const GOOD_RUN_ID = '0193469f-1660-7b22-8def-000000000002';

/**
 * A run of `nightly-orders` that failed: `extract` succeeded with the second attempt of `download`, `load` failed
 * in its step `insert`, and `notify` was skipped.
 */
export function failedRun(): ExecutionRecord[] {
  const at = (offset: number, durationMs: number) => ({
    startedAt: FAILED_RUN_START + offset,
    endedAt: FAILED_RUN_START + offset + durationMs,
    durationMs,
    runId: FAILED_RUN_ID,
    traceId: '4bf92f3577b34da6a3ce929d0e0e4736',
  });
  const cause = {
    ...failure('row 7: amount "abc" is not a number'),
    error: 'DataError: row 7: amount "abc" is not a number',
    errorType: 'DataError',
    errorCode: 'BAD_AMOUNT',
    errorChain: JSON.stringify([
      { type: 'DataError', message: 'row 7: amount "abc" is not a number', code: 'BAD_AMOUNT' },
      { type: 'SyntaxError', message: 'Unexpected token' },
    ]),
  };
  const run = runRecord({
    ...at(0, 2_000),
    ...cause,
    version: '3.1',
    correlationId: 'orders-2026-11-20',
    tenant: 'acme',
    attempt: 2,
    final: true,
    waitMs: 1_500,
    failedStep: 'insert',
  });
  const below = (parent: ExecutionRecord) => ({
    parentRecordId: parent.recordId,
    parentSpanId: parent.spanId,
    correlationId: 'orders-2026-11-20',
    tenant: 'acme',
  });
  const extract = processRecord({
    ...at(10, 800),
    ...below(run),
    recoveredFailures: 1,
    source: '["shop.orders"]',
  });
  const download = stepRecord({
    ...at(20, 100),
    ...below(extract),
    ...failure('connection reset'),
    name: 'download',
    errorCode: 'ECONNRESET',
  });
  const downloadAgain = stepRecord({
    ...at(200, 500),
    ...below(extract),
    name: 'download',
    attempt: 2,
    rowsOut: 1_234,
  });
  const load = processRecord({
    ...at(900, 1_000),
    ...below(run),
    ...cause,
    name: 'load',
    failedStep: 'insert',
  });
  const insert = stepRecord({ ...at(1_000, 400), ...below(load), ...cause, name: 'insert', rowsIn: 1_234 });
  const notify = stepRecord({
    ...at(1_950, 1),
    ...below(run),
    name: 'notify',
    outcome: 'skip',
    skipReason: 'nothing was loaded',
  });
  const pointsToInsert = {
    failedRecordId: insert.recordId,
    failedSteps: JSON.stringify([{ name: 'insert', record_id: insert.recordId }]),
    failedCount: 1,
  };
  return [
    { ...run, ...pointsToInsert },
    extract,
    download,
    downloadAgain,
    { ...load, ...pointsToInsert },
    insert,
    notify,
  ];
}

/** A run of `hourly-prices` that succeeded, a minute after the failed one. */
export function goodRun(overrides: Partial<ExecutionRecord> = {}): ExecutionRecord[] {
  const startedAt = overrides.startedAt ?? FAILED_RUN_START + 60_000;
  const run = runRecord({
    name: 'hourly-prices',
    pipeline: 'hourly-prices',
    runId: GOOD_RUN_ID,
    durationMs: 75_000,
    startedAt,
    ...overrides,
  });
  const step = stepRecord({
    name: 'fetch',
    pipeline: run.name,
    runId: run.runId,
    parentRecordId: run.recordId,
    parentSpanId: run.spanId,
    durationMs: 70_000,
    startedAt: startedAt + 1,
  });
  return [run, step];
}
