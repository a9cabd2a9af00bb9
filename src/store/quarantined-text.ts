import type { ExecutionRecord } from '../records/execution-record.ts';

/** Each half of a pair for itself, as JSON has it. */
const NOT_ASCII = /[\u007f-\uffff]/g;

/**
 * A record in quarantine, as JSON of ASCII alone: what a database has refused for its characters is kept in the same database.
 */
export function quarantinedText(record: ExecutionRecord): string {
  return JSON.stringify(record).replace(
    NOT_ASCII,
    (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}
