import type { SqlValue } from '../../execution-row.ts';
import type { ColumnBatch } from '../column-batch.ts';
import { storable } from '../server/multi-row-upsert.ts';

/** What has a meaning of its own in the text format of COPY, and what PostgreSQL refuses. */
const SPECIAL = /[\\\t\n\r\0\ud800-\udfff]/;
const ESCAPES: Readonly<Record<string, string>> = { '\\': '\\\\', '\t': '\\t', '\n': '\\n', '\r': '\\r' };

/** The values of a column that differs from row to row, and the text between it and the next such. */
interface Varying {
  readonly values: readonly SqlValue[];
  after: string;
}

/**
 * Rows in the text format of COPY: columns by tabs, rows by line feeds, NULL as `\N`. What all rows share is put into text
 * once.
 */
export function copyTextFrom(batch: ColumnBatch, columns: readonly number[]): string {
  let before = '';
  const varying: Varying[] = [];
  for (const [position, index] of columns.entries()) {
    const end = position + 1 < columns.length ? '\t' : '\n';
    const column = batch.columns[index] ?? null;
    const last = varying.at(-1);
    if (typeof column === 'object' && column !== null) varying.push({ values: column, after: end });
    else if (last === undefined) before += fieldOf(column) + end;
    else last.after += fieldOf(column) + end;
  }
  let text = '';
  for (let row = 0; row < batch.count; row++) {
    text += before;
    for (const { values, after } of varying) text += fieldOf(values[row] ?? null) + after;
  }
  return text;
}

function fieldOf(value: SqlValue): string {
  if (value === null) return '\\N';
  if (typeof value === 'number') return Number.isFinite(value) ? String(value) : '\\N';
  if (!SPECIAL.test(value)) return value;
  return String(storable(value)).replace(/[\\\t\n\r]/g, (character) => ESCAPES[character] ?? character);
}
