import pg from 'pg';
import type { ExecutionRow } from '../../src/store/execution-row.ts';

let schemas = 0;

/** A place for one ledger in a PostgreSQL, seen past all code of ours. */
export interface PostgresPlace {
  /** Where the ledger finds itself: in a schema of its own. */
  readonly url: string;
  query(text: string, values?: readonly unknown[]): Promise<Record<string, unknown>[]>;
  records(): Promise<ExecutionRow[]>;
  dispose(): Promise<void>;
}

/** Makes a schema of its own in the database behind a URL. */
export async function postgresPlace(server: string): Promise<PostgresPlace> {
  const schema = `ledger_${process.pid}_${++schemas}`;
  const url = `${server}?options=${encodeURIComponent(`-csearch_path=${schema}`)}`;
  const client = new pg.Client({ connectionString: url });
  for (const oid of [20, 1700]) client.setTypeParser(oid, Number);
  // A test may end the server under it.
  client.on('error', () => undefined);
  await client.connect();
  await client.query(`create schema ${schema}`);
  const query = async (text: string, values: readonly unknown[] = []) =>
    (await client.query(text, [...values])).rows;
  return {
    url,
    query,
    // The columns are those of the table, which the contract compares one by one.
    records: async () =>
      (await query('select * from execution_records order by record_id')) as ExecutionRow[],
    async dispose() {
      await client.query(`drop schema ${schema} cascade`).catch(() => undefined);
      await client.end();
    },
  };
}
