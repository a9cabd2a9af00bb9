import type { SqlValue } from '../../execution-row.ts';
import type { QueryResult } from '../../ledger-reader.ts';
import { LedgerError } from '../ledger-error.ts';
import { readingStatement } from '../reading-statement.ts';
import type { StatementResult } from '../script.ts';
import { ConnectionsInUse, clientInTime } from '../server/connections-in-use.ts';
import { inServerTransaction, type ServerConnection } from '../server/ledger-server.ts';
import type { ReadableServer } from '../server/server-ledger-reader.ts';
import { inTime } from '../server/time-limit.ts';
import type { MysqlChanges, MysqlClient, MysqlPool, MysqlQuery } from './mysql-pool.ts';

/**
 * Errors that another connection may not have: of a server that is only to be read from or not ready, where another may take writes
 * by now; of a prepared statement that a proxy has forgotten.
 */
const LEAVE: ReadonlySet<number> = new Set([1290, 1792, 1836, 1047, 1243]);
const LOCK_SECONDS = 30;

/** How long the calls of a server may take. */
export interface MysqlLimits {
  readonly queryTimeoutMillis: number;
  readonly connectTimeoutMillis: number;
}

/** A MySQL or MariaDB through a pool of `mysql2`. */
export class MysqlServer implements ReadableServer {
  readonly #pool: MysqlPool;
  readonly #isOwn: boolean;
  readonly #limits: MysqlLimits;
  readonly #used = new ConnectionsInUse();
  #closed: Promise<void> | undefined;

  constructor(pool: MysqlPool, isOwn: boolean, limits: MysqlLimits) {
    this.#pool = pool;
    this.#isOwn = isOwn;
    this.#limits = limits;
  }

  async acquire(): Promise<MysqlConnection> {
    const free = this.#used.take();
    try {
      return new MysqlConnection(await this.#connect(), this.#limits.queryTimeoutMillis, free);
    } catch (error) {
      free();
      throw error;
    }
  }

  /** One statement, for the protocol takes no more, in a transaction that can not write. */
  async query(text: string): Promise<QueryResult> {
    const statement = readingStatement(text);
    if (/\binto\s+(?:outfile|dumpfile)\b/i.test(statement)) {
      throw new LedgerError('QUERY_REFUSED', 'only a query that reads is run, and this one writes a file');
    }
    const connection = await this.acquire();
    try {
      await connection.run('start transaction read only', []);
      const { result, columns } = await connection.ask({ sql: statement, rowsAsArray: true });
      // In this mode a row is an array of values.
      const rows = (isRows(result) ? result : []) as unknown as readonly (readonly unknown[])[];
      return { columns, rows: rows.map((row) => row.map(sqlValueFrom)) };
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

  async #connect(): Promise<MysqlClient> {
    const pending = new Promise<MysqlClient>((resolve, reject) => {
      this.#pool.getConnection((error, client) => {
        if (error === null || error === undefined) resolve(client as MysqlClient);
        else reject(error);
      });
    });
    return await clientInTime(this.#limits.connectTimeoutMillis, pending);
  }

  async #close(): Promise<void> {
    await this.#used.returned();
    if (this.#isOwn) await new Promise<void>((resolve) => this.#pool.end(() => resolve()));
  }
}

/** A connection of `mysql2` while it is ours. */
export class MysqlConnection implements ServerConnection {
  readonly #client: MysqlClient;
  readonly #queryTimeoutMillis: number;
  readonly #onRelease: () => void;
  #trouble: Error | undefined;
  readonly #onError = (error: Error): void => {
    this.#trouble ??= error;
  };

  constructor(client: MysqlClient, queryTimeoutMillis: number, onRelease: () => void) {
    this.#client = client;
    this.#queryTimeoutMillis = queryTimeoutMillis;
    this.#onRelease = onRelease;
    client.on('error', this.#onError);
  }

  async run(text: string, parameters: readonly unknown[], name?: string): Promise<StatementResult> {
    const query: MysqlQuery = { sql: text, values: parameters };
    const { result } = await this.ask(query, name !== undefined);
    if (isRows(result)) return { rows: result, changes: 0 };
    return { rows: [], changes: result.affectedRows };
  }

  /** With the names of the columns, for a query of the user's own. */
  ask(
    query: MysqlQuery,
    isPrepared = false,
  ): Promise<{
    readonly result: readonly object[] | MysqlChanges;
    readonly columns: readonly string[];
  }> {
    if (this.#trouble !== undefined) return Promise.reject(this.#trouble);
    const call = new Promise<{
      readonly result: readonly object[] | MysqlChanges;
      readonly columns: readonly string[];
    }>((resolve, reject) => {
      const done: Parameters<MysqlClient['query']>[1] = (error, result, fields) => {
        if (error !== null) reject(error);
        else resolve({ result: result ?? [], columns: fields?.map((field) => field.name) ?? [] });
      };
      if (isPrepared) this.#client.execute(query, done);
      else this.#client.query(query, done);
    });
    return this.#bounded(call);
  }

  async begin(): Promise<void> {
    await this.run('begin', []);
  }

  /** Its protocol takes one statement at a time, unless the application has opened it to more. */
  async commitAndRun(query: string): Promise<StatementResult> {
    await this.run('commit', []);
    return this.run(query, []);
  }

  async exclusively<T>(name: string, work: () => Promise<T>): Promise<T> {
    // Locks are the whole server's, and their names short.
    const lock = `runledger ${name} `;
    const { rows } = await this.run('select get_lock(left(concat(?, database()), 64), ?) as got', [
      lock,
      Math.min(LOCK_SECONDS, Math.max(1, Math.floor(this.#queryTimeoutMillis / 1_000) - 1)),
    ]);
    const [answer] = rows as readonly { readonly got: unknown }[];
    if (Number(answer?.got) !== 1) {
      throw Object.assign(new Error(`another process holds the lock '${lock}'`), { code: 'EBUSY' });
    }
    try {
      return await inServerTransaction(this, work);
    } finally {
      await this.run('select release_lock(left(concat(?, database()), 64))', [lock]).catch(() => undefined);
    }
  }

  release(): void {
    if (this.#trouble === undefined) {
      this.#client.removeListener('error', this.#onError);
      this.#client.release();
    } else {
      this.#client.destroy();
    }
    this.#onRelease();
  }

  /** Awaits a call; one that takes too long, or breaks the connection, is its last. */
  async #bounded<T>(call: Promise<T>): Promise<T> {
    try {
      return await inTime(this.#queryTimeoutMillis, 'the query', call);
    } catch (error) {
      const { errno, fatal } = error as { readonly errno?: number; readonly fatal?: boolean };
      if (fatal === true || errno === undefined || LEAVE.has(errno)) this.#trouble ??= error as Error;
      if (error instanceof Error && !('code' in error)) Object.assign(error, { code: 'ERR_SOCKET_CLOSED' });
      throw error;
    }
  }
}

function sqlValueFrom(value: unknown): SqlValue {
  if (typeof value === 'string' || typeof value === 'number') return value;
  if (value === null || value === undefined) return null;
  if (value instanceof Uint8Array) return Buffer.from(value).toString('hex');
  return value instanceof Date ? value.toISOString() : String(value);
}

/** What the server did not accept is said as it says it; it is the user's own statement. */
function refusalOf(error: unknown): unknown {
  const { errno, fatal, message } = error as { errno?: unknown; fatal?: unknown; message?: unknown };
  if (errno === 1792) {
    return new LedgerError('QUERY_REFUSED', `only a query that reads is run (${String(message)})`, {
      cause: error,
    });
  }
  if (typeof errno !== 'number' || errno < 1000 || fatal === true) return error;
  return new LedgerError('QUERY_FAILED', `the database does not accept the query: ${String(message)}`, {
    cause: error,
  });
}

function isRows(result: readonly object[] | MysqlChanges): result is readonly object[] {
  return Array.isArray(result);
}
