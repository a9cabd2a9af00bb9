import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import type { ExecutionRow } from '../../src/store/execution-row.ts';

/** A directory of the test's own; the test removes it. */
export function temporaryDirectory(): Promise<string> {
  return mkdtemp(join(tmpdir(), 'runledger-test-'));
}

/** What a statement gives, read from the file past all code of ours. */
export function rowsIn(path: string, sql: string): Record<string, unknown>[] {
  const connection = new DatabaseSync(path, { readOnly: true });
  try {
    return connection
      .prepare(sql)
      .all()
      .map((row) => ({ ...row }));
  } finally {
    connection.close();
  }
}

/** Changes a file past all code of ours. */
export function changeFile(path: string, sql: string): void {
  const connection = new DatabaseSync(path, { timeout: 5_000 });
  try {
    connection.exec(sql);
  } finally {
    connection.close();
  }
}

/** Every execution record in a file, by id. */
export function recordsIn(path: string): ExecutionRow[] {
  // The columns are those of the table, which the contract compares one by one.
  return rowsIn(path, 'select * from execution_records order by record_id') as ExecutionRow[];
}

/** Record id and reason of every quarantined record in a file. */
export function quarantinedIn(path: string): [string, string][] {
  return rowsIn(path, 'select record_id, reason from record_quarantine').map((row) => [
    String(row.record_id),
    String(row.reason),
  ]);
}
