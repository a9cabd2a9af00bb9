import type { SqlValue } from '../../execution-row.ts';
import { type ColumnBatch, forEachRow } from '../column-batch.ts';
import { storable } from '../server/multi-row-upsert.ts';

/** What has a meaning of its own in the text format of COPY, and what PostgreSQL refuses. */
const SPECIAL = /[\\\t\n\r\0\ud800-\udfff]/;
const ESCAPES: Readonly<Record<string, string>> = { '\\': '\\\\', '\t': '\\t', '\n': '\\n', '\r': '\\r' };

/** Rows in the text format of COPY: columns by tabs, rows by line feeds, NULL as `\N`. */
export function copyTextFrom(batch: ColumnBatch, columns: readonly number[]): string {
  let text = '';
  forEachRow(batch, columns, (values) => {
    let line = '';
    for (const value of values) line += `${line === '' ? '' : '\t'}${fieldOf(value)}`;
    text += `${line}\n`;
  });
  return text;
}

function fieldOf(value: SqlValue): string {
  if (value === null) return '\\N';
  if (typeof value === 'number') return Number.isFinite(value) ? String(value) : '\\N';
  if (!SPECIAL.test(value)) return value;
  return String(storable(value)).replace(/[\\\t\n\r]/g, (character) => ESCAPES[character] ?? character);
}
