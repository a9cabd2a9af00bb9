import type { ExecutionRecord } from '../records/execution-record.ts';

/** Bytes of a record without its free text: the object, its ids, its numbers. Measured on Node 24, rounded up. */
const FIXED_BYTES = 640;

/**
 * Estimates the bytes a queued record takes: a fixed part, and one byte a character of the fields that can be long.
 * An estimate on purpose: an exact size would cost more than queueing the record does.
 */
export function recordSize(record: ExecutionRecord): number {
  return (
    FIXED_BYTES +
    lengthOf(record.error) +
    lengthOf(record.errorMessage) +
    lengthOf(record.errorStack) +
    lengthOf(record.errorChain) +
    lengthOf(record.failedSteps) +
    lengthOf(record.timeline) +
    lengthOf(record.source) +
    lengthOf(record.target) +
    lengthOf(record.input) +
    lengthOf(record.output) +
    lengthOf(record.skipReason) +
    lengthOf(record.rejectionDetail) +
    lengthOf(record.attributes)
  );
}

function lengthOf(text: string | undefined): number {
  return typeof text === 'string' ? text.length : 0;
}
