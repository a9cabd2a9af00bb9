import type { Compilable } from 'kysely';
import type { ColumnBatch } from '../column-batch.ts';
import type { SqlScript, StatementResult } from '../script.ts';

/** A database server as a ledger uses it. */
export interface LedgerServer {
  /** A connection of its own until it is released. Rejects where there is none in time. */
  acquire(): Promise<ServerConnection>;
  /** Waits for what is under way, then closes the connections that it opened itself. Idempotent. */
  close(): Promise<void>;
}

/** One connection. Every call is bounded in time; after one that took too long the outcome is unknown. */
export interface ServerConnection {
  /** Runs one statement. With a name it is prepared on the connection and found there again. */
  run(text: string, parameters: readonly unknown[], name?: string): Promise<StatementResult>;
  /** Begins a transaction. */
  begin(): Promise<void>;
  /** Commits and then runs a query of ours, in one round trip where the protocol allows that. */
  commitAndRun(query: string): Promise<StatementResult>;
  /** Has work done in a transaction of its own that nobody else with the same name is in. */
  exclusively<T>(name: string, work: () => Promise<T>): Promise<T>;
  /** Gives the connection back; closes it where it may be in disorder. */
  release(): void;
}

/** How records become rows on one kind of server. */
export interface RowInsert {
  /**
   * The fast way, for records that are most likely new, as the first of a transaction that it begins itself: a round trip is
   * saved. Rejects where one is not new: see {@link isCollision}.
   */
  fresh?(connection: ServerConnection, records: RowSource): Promise<void>;
  /** The way for any records, in the caller's transaction: a higher revision replaces a row, any other leaves it alone. */
  merge(connection: ServerConnection, records: RowSource): Promise<void>;
  /** Whether an error says that a key is there already. */
  isCollision(error: unknown): boolean;
}

/** Records as values, by column. */
export type RowSource = ColumnBatch;

/** Leases a connection for as long as `use` takes. */
export async function withConnection<T>(
  server: LedgerServer,
  use: (connection: ServerConnection) => Promise<T>,
): Promise<T> {
  const connection = await server.acquire();
  try {
    return await use(connection);
  } finally {
    connection.release();
  }
}

/** Does work in a transaction: all of it or nothing. */
export async function inServerTransaction<T>(
  connection: ServerConnection,
  work: () => Promise<T>,
): Promise<T> {
  await connection.begin();
  try {
    const result = await work();
    await connection.run('commit', []);
    return result;
  } catch (error) {
    // What the server thinks of it does not matter: a connection that can not roll back is closed.
    await connection.run('rollback', []).catch(() => undefined);
    throw error;
  }
}

/** Runs a script, one statement after the other. */
export async function runServerScript<T>(connection: ServerConnection, script: SqlScript<T>): Promise<T> {
  let step = script.next();
  while (step.done !== true) step = script.next(await runCompiled(connection, step.value));
  return step.value;
}

function runCompiled(connection: ServerConnection, statement: Compilable): Promise<StatementResult> {
  const { sql, parameters } = statement.compile();
  return connection.run(sql, parameters);
}
