import { RecordMarks } from './bounded-text.ts';
import { detailsOfSaid, errorLine } from './error-details.ts';
import { fingerprintOf } from './error-fingerprint.ts';

/** `error_type` of an execution whose process ended before it did. */
export const ERROR_TYPE_INTERRUPTED = 'interrupted';

/** What the row of an interrupted execution says about its error. */
export interface InterruptedError {
  readonly error: string;
  readonly errorType: string;
  readonly errorMessage: string;
  readonly errorFingerprint: string;
}

/**
 * The error of an execution whose process is dead. The process is named, so that the executions two processes were
 * interrupted in are not taken for cause and effect; the fingerprint groups them all the same.
 */
export function interruptedError(host: string, pid: number): InterruptedError {
  const message = `process ${pid} on ${host} ended before this execution did`;
  const details = detailsOfSaid({ type: ERROR_TYPE_INTERRUPTED, message });
  return {
    error: errorLine(details, new RecordMarks()),
    errorType: details.type,
    errorMessage: details.message ?? message,
    errorFingerprint: fingerprintOf({ type: ERROR_TYPE_INTERRUPTED }, undefined),
  };
}
