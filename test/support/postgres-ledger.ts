import pg from 'pg';
import type { ExecutionRow } from '../../src/store/execution-row.ts';

let places = 0;

/** A place for one ledger in a PostgreSQL, seen past all code of ours. */
export interface PostgresPlace {
  /** Where the ledger finds itself: in a schema of its own, or in the whole database. */
  readonly url: string;
  query(text: string, values?: readonly unknown[]): Promise<Record<string, unknown>[]>;
  records(): Promise<ExecutionRow[]>;
  dispose(): Promise<void>;
}

/** Makes a schema of its own in the database behind a URL. */
export async function postgresPlace(server: string): Promise<PostgresPlace> {
  const schema = `ledger_${process.pid}_${++places}`;
  const url = `${server}?options=${encodeURIComponent(`-csearch_path=${schema}`)}`;
  const client = await connectTo(url);
  await client.query(`create schema ${schema}`);
  return placeOf(client, url, async () => {
    await client.query(`drop schema ${schema} cascade`).catch(() => undefined);
    await client.end();
  });
}

/**
 * Empties the database behind a URL for a ledger that finds it through the pooler on a port. Poolers know no `options`, so there is
 * one such place at a time.
 */
export async function pooledPlace(server: string, port: number): Promise<PostgresPlace> {
  const client = await connectTo(server);
  await client.query('drop schema public cascade; create schema public');
  const pooled = new URL(server);
  pooled.port = String(port);
  return placeOf(client, pooled.href, () => client.end());
}

async function connectTo(url: string): Promise<pg.Client> {
  const client = new pg.Client({ connectionString: url });
  for (const oid of [20, 1700]) client.setTypeParser(oid, Number);
  // A test may end the server under it.
  client.on('error', () => undefined);
  await client.connect();
  return client;
}

function placeOf(client: pg.Client, url: string, dispose: () => Promise<void>): PostgresPlace {
  const query = async (text: string, values: readonly unknown[] = []) =>
    (await client.query(text, [...values])).rows;
  return {
    url,
    query,
    // The columns are those of the table, which the contract compares one by one.
    records: async () =>
      (await query('select * from execution_records order by record_id')) as ExecutionRow[],
    dispose,
  };
}
