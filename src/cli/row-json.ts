import type { ExecutionRow } from '../store/execution-row.ts';
import { parsedJson } from './outcome-text.ts';

/** Version of the documents `--json` prints. Fields are added without a new one; it grows when one changes. */
export const JSON_SCHEMA_VERSION = 1;

const JSON_COLUMNS = [
  'error_chain',
  'failed_steps',
  'rejection_detail',
  'timeline',
  'source',
  'target',
  'input',
  'output',
  'attributes',
] as const satisfies readonly (keyof ExecutionRow)[];

/**
 * A row as `--json` prints it: every column of `execution_records` under its own name, those that hold JSON as
 * values instead of text. Times stay milliseconds since the Unix epoch.
 */
export function jsonFromRow(row: ExecutionRow): Record<string, unknown> {
  const json: Record<string, unknown> = { ...row };
  for (const column of JSON_COLUMNS) {
    const value = parsedJson(row[column]);
    if (value !== undefined) json[column] = value;
  }
  return json;
}
