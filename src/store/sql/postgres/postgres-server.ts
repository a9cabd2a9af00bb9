import type { QueryResult } from '../../ledger-reader.ts';
import { LedgerError } from '../ledger-error.ts';
import { readingStatement } from '../reading-statement.ts';
import { ConnectionsInUse, clientInTime } from '../server/connections-in-use.ts';
import type { ReadableServer } from '../server/server-ledger-reader.ts';
import { PostgresConnection, withCode } from './postgres-connection.ts';
import type { PostgresClient, PostgresPool } from './postgres-pool.ts';

/** How long the calls of a server may take. */
export interface PostgresLimits {
  readonly queryTimeoutMillis: number;
  readonly connectTimeoutMillis: number;
}

/** A PostgreSQL through a pool of `pg`. */
export class PostgresServer implements ReadableServer {
  readonly #pool: PostgresPool;
  readonly #isOwn: boolean;
  readonly #limits: PostgresLimits;
  readonly #used = new ConnectionsInUse();
  #closed: Promise<void> | undefined;
  /** Only on a pool of the application's that nobody listens to: an error of an idle connection would end the process. */
  readonly #onError: (() => void) | undefined;

  constructor(pool: PostgresPool, isOwn: boolean, limits: PostgresLimits) {
    this.#pool = pool;
    this.#isOwn = isOwn;
    this.#limits = limits;
    if (pool.listenerCount('error') === 0) {
      // The pool has thrown the connection away by then, and the next call opens another.
      this.#onError = () => undefined;
      pool.on('error', this.#onError);
    }
  }

  async acquire(): Promise<PostgresConnection> {
    const free = this.#used.take();
    let client: PostgresClient;
    try {
      client = await clientInTime(this.#limits.connectTimeoutMillis, this.#pool.connect());
    } catch (error) {
      free();
      throw withCode(error);
    }
    const connection = new PostgresConnection(client, this.#limits.queryTimeoutMillis, free);
    try {
      await connection.getToKnow();
      return connection;
    } catch (error) {
      connection.release();
      throw error;
    }
  }

  /** One statement, for the extended protocol takes no more, in a transaction that can not write. */
  async query(text: string): Promise<QueryResult> {
    const statement = readingStatement(text);
    const connection = await this.acquire();
    try {
      await connection.run('begin transaction read only', []);
      return await connection.readArrays(statement);
    } catch (error) {
      throw refusalOf(error);
    } finally {
      await connection.run('rollback', []).catch(() => undefined);
      connection.release();
    }
  }

  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  async #close(): Promise<void> {
    await this.#used.returned();
    if (this.#isOwn) await this.#pool.end();
    else if (this.#onError !== undefined) this.#pool.removeListener('error', this.#onError);
  }
}

/** What the server did not accept is said as it says it; it is the user's own statement. */
function refusalOf(error: unknown): unknown {
  const { code, message } = error as { code?: unknown; message?: unknown };
  if (code === '25006') {
    return new LedgerError('QUERY_REFUSED', `only a query that reads is run (${String(message)})`, {
      cause: error,
    });
  }
  // Codes of the statement itself: syntax, names, values, too many commands.
  if (typeof code !== 'string' || !/^(?:42(?!501)|22|21|54|0A)/.test(code)) return error;
  return new LedgerError('QUERY_FAILED', `PostgreSQL does not accept the query: ${String(message)}`, {
    cause: error,
  });
}
