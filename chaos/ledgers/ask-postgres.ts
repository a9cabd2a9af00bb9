import pg from 'pg';

/** The rows of a query, over a connection of its own. */
export async function askPostgres(url: string, sql: string): Promise<readonly Record<string, unknown>[]> {
  const client = new pg.Client({ connectionString: url });
  // The server may be killed while we ask: the question fails then, and nothing else.
  client.on('error', () => {});
  await client.connect();
  try {
    return (await client.query(sql)).rows;
  } finally {
    await client.end();
  }
}
