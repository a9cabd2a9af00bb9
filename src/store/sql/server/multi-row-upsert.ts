import type { ExecutionRecord } from '../../../records/execution-record.ts';
import { EXECUTION_COLUMNS, type ExecutionColumn, type SqlValue } from '../../execution-row.ts';
import { type ColumnBatch, filledColumns, forEachRow } from '../column-batch.ts';
import type { ServerConnection } from './ledger-server.ts';

/** Sets of filled columns and sizes whose statement is kept. A program has a handful of sets, each in ten sizes. */
const MAX_STATEMENTS = 160;

/** What a multi-row upsert needs to know of the server. */
export interface MultiRowOptions {
  /** Parameters that one statement can have. */
  readonly maxParameters: number;
  /** Rows of one statement at most; a power of two. */
  readonly maxRows: number;
  /** The text of the statement over these columns for so many rows. */
  readonly compile: (columns: readonly number[], rows: number) => string;
}

/** Named in every statement: left out, MySQL makes up a value where it is not strict. */
const DEMANDED: readonly number[] = (EXECUTION_COLUMNS as readonly ExecutionColumn[]).flatMap(
  ({ notNull, default: fallback }, index) => (notNull && fallback === undefined ? [index] : []),
);

interface Statement {
  readonly name: string;
  readonly text: string;
}

/**
 * Inserts rows by statements of many rows each, over the columns that have values. A batch is cut into powers of two, so that
 * ten statements serve every size, are compiled once, and stay prepared on the connection.
 */
export class MultiRowUpsert {
  readonly #options: MultiRowOptions;
  readonly #statements = new Map<string, Statement>();

  constructor(options: MultiRowOptions) {
    this.#options = options;
  }

  async run(connection: ServerConnection, batch: ColumnBatch): Promise<void> {
    const filled = [...new Set([...filledColumns(batch), ...DEMANDED])].sort((a, b) => a - b);
    const { maxParameters, maxRows } = this.#options;
    const values: SqlValue[] = [];
    forEachRow(batch, filled, (row) => {
      for (const value of row) values.push(storable(value));
    });
    let largest = maxRows;
    while (largest > 1 && largest * filled.length > maxParameters) largest /= 2;
    for (let row = 0; row < batch.count; ) {
      let rows = largest;
      while (rows > batch.count - row) rows /= 2;
      const { name, text } = this.#statementFor(filled, rows);
      const part = values.slice(row * filled.length, (row + rows) * filled.length);
      await connection.run(text, part, name);
      row += rows;
    }
  }

  #statementFor(columns: readonly number[], rows: number): Statement {
    const key = `${rows} ${columns.join()}`;
    const known = this.#statements.get(key);
    if (known !== undefined) return known;
    if (this.#statements.size >= MAX_STATEMENTS) this.#statements.clear();
    const text = this.#options.compile(columns, rows);
    const statement = { name: nameOf(text), text };
    this.#statements.set(key, statement);
    return statement;
  }
}

/**
 * One name for one text, in every process: on a connection that several come to use, a name that stood for another text there
 * would put values into the wrong columns.
 */
function nameOf(text: string): string {
  const { createHash } = process.getBuiltinModule('node:crypto');
  return `runledger_${createHash('sha256').update(text).digest('hex').slice(0, 32)}`;
}

/**
 * A value that every server can keep. Records come bounded and clean from spans; one of an application's own making may hold
 * what would have the whole batch refused: NUL, half a surrogate pair, a number that is none.
 */
export function storable(value: SqlValue): SqlValue {
  if (typeof value === 'number') return Number.isFinite(value) ? value : null;
  if (typeof value !== 'string') return value;
  const clean = value.isWellFormed() ? value : value.toWellFormed();
  return clean.includes('\0') ? clean.replaceAll('\0', '\uFFFD') : clean;
}

/** Each half of a pair for itself, as JSON has it. */
const NOT_ASCII = /[\u007f-\uffff]/g;

/** A record in quarantine, as JSON of ASCII alone: what a server has refused for its characters is kept by the same server. */
export function quarantinedText(record: ExecutionRecord): string {
  return JSON.stringify(record).replace(
    NOT_ASCII,
    (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}
