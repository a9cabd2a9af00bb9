import type { DatabaseSync } from 'node:sqlite';
import type { Compilable } from 'kysely';

/** What a statement of a script came to. */
export interface StatementResult {
  readonly rows: readonly object[];
  /** Rows that were inserted, updated or deleted. */
  readonly changes: number;
}

/**
 * Statements with decisions between them, written once for every database: SQLite runs a script in one synchronous
 * stretch inside a transaction, the others await each statement.
 */
export type SqlScript<T> = Generator<Compilable, T, StatementResult>;

/** Has a statement run and takes its rows. */
export function* rowsOf<Row extends object>(query: Compilable<Row>): SqlScript<readonly Row[]> {
  const { rows } = yield query;
  // What a query selects is what its rows have.
  return rows as readonly Row[];
}

/** Has a statement run and takes the number of rows it changed. */
export function* changesOf(statement: Compilable): SqlScript<number> {
  return (yield statement).changes;
}

/** Runs a script in the calling thread. */
export function runScript<T>(connection: DatabaseSync, script: SqlScript<T>): T {
  let step = script.next();
  while (step.done !== true) {
    const { sql, parameters } = step.value.compile();
    const statement = connection.prepare(sql);
    const values = parameters as (string | number | null)[];
    step = script.next(
      statement.columns().length > 0
        ? { rows: statement.all(...values), changes: 0 }
        : { rows: [], changes: Number(statement.run(...values).changes) },
    );
  }
  return step.value;
}
