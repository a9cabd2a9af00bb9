import type { QueryResult } from '../../ledger-reader.ts';
import { LedgerError } from '../ledger-error.ts';
import { readingStatement } from '../reading-statement.ts';
import type { StatementResult } from '../script.ts';
import type { ServerConnection } from '../server/ledger-server.ts';
import type { ReadableServer } from '../server/server-ledger-reader.ts';
import { inTime } from '../server/time-limit.ts';
import type {
  PostgresClient,
  PostgresPool,
  PostgresQuery,
  PostgresResult,
  PostgresTypes,
} from './postgres-pool.ts';

/** SQLSTATE classes after which a connection is as good as before: the statement was refused, no more. */
const HARMLESS = /^(?:21|22|23|2B|40|42|44|54|55)/;
/** Oids of the types whose text a JavaScript number holds: bigint, numeric. */
const NUMBERS: ReadonlySet<number> = new Set([20, 1700]);

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
  readonly #used = new Set<Promise<void>>();
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
    let onRelease = (): void => undefined;
    const released = new Promise<void>((resolve) => {
      onRelease = resolve;
    });
    this.#used.add(released);
    const free = (): void => {
      this.#used.delete(released);
      onRelease();
    };
    try {
      return new PostgresConnection(await this.#connect(), this.#limits.queryTimeoutMillis, free);
    } catch (error) {
      free();
      throw withCode(error);
    }
  }

  async #connect(): Promise<PostgresClient> {
    const pending = this.#pool.connect();
    try {
      return await inTime(this.#limits.connectTimeoutMillis, 'connecting', pending);
    } catch (error) {
      // One that is there too late goes back.
      pending.then(
        (late) => late.release(),
        () => undefined,
      );
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
    await Promise.all(this.#used);
    if (this.#isOwn) await this.#pool.end();
    else if (this.#onError !== undefined) this.#pool.removeListener('error', this.#onError);
  }
}

/** A client of `pg` while it is ours. */
export class PostgresConnection implements ServerConnection {
  readonly client: PostgresClient;
  readonly #queryTimeoutMillis: number;
  readonly #onRelease: () => void;
  #trouble: Error | undefined;
  /** While a client is out of its pool, nobody else listens to it. */
  readonly #onError = (error: Error): void => {
    this.#trouble ??= error;
  };

  constructor(client: PostgresClient, queryTimeoutMillis: number, onRelease: () => void) {
    this.client = client;
    this.#queryTimeoutMillis = queryTimeoutMillis;
    this.#onRelease = onRelease;
    client.on('error', this.#onError);
  }

  async run(text: string, parameters: readonly unknown[], name?: string): Promise<StatementResult> {
    const query: PostgresQuery = {
      text,
      types: TYPES,
      ...(parameters.length > 0 && { values: [...parameters] }),
      ...(name !== undefined && { name }),
    };
    return resultOf(await this.bounded(this.client.query(query)));
  }

  /** Rows as arrays: of two columns with one name an object would keep the last. */
  async readArrays(text: string): Promise<QueryResult> {
    const query: PostgresQuery = { text, types: TYPES, rowMode: 'array', queryMode: 'extended' };
    const answer = await this.bounded(this.client.query(query));
    const { rows, fields = [] } = (isList(answer) ? answer.at(-1) : answer) ?? { rows: [] };
    // In this mode a row is an array of what the type parsers gave.
    return { columns: fields.map(({ name }) => name), rows: rows as unknown as QueryResult['rows'] };
  }

  async commitAndRun(query: string): Promise<StatementResult> {
    return resultOf(await this.bounded(this.client.query({ text: `commit; ${query}`, types: TYPES })));
  }

  async exclusively<T>(name: string, work: () => Promise<T>): Promise<T> {
    await this.run('begin', []);
    try {
      await this.run('select pg_advisory_xact_lock(hashtext($1), hashtext($2))', ['runledger', name]);
      const result = await work();
      await this.run('commit', []);
      return result;
    } catch (error) {
      await this.run('rollback', []).catch(() => undefined);
      throw error;
    }
  }

  /** Awaits a call of the client; one that takes too long, or breaks the connection, is its last. */
  async bounded<T>(call: Promise<T>): Promise<T> {
    if (this.#trouble !== undefined) {
      call.catch(() => undefined);
      throw withCode(this.#trouble);
    }
    try {
      return await inTime(this.#queryTimeoutMillis, 'the query', call);
    } catch (error) {
      const { code } = error as { code?: unknown };
      if (typeof code !== 'string' || !HARMLESS.test(code)) this.#trouble ??= error as Error;
      throw withCode(error);
    }
  }

  release(): void {
    this.client.removeListener('error', this.#onError);
    if (this.#trouble !== undefined) {
      // What the connection still has to say as it goes concerns nobody.
      this.client.on('error', () => undefined);
    }
    this.client.release(this.#trouble ?? false);
    this.#onRelease();
  }
}

/** Numbers as numbers, where one holds them exactly; everything else as PostgreSQL writes it. */
const TYPES: PostgresTypes = {
  getTypeParser: (oid) => {
    if (NUMBERS.has(oid)) return numberOf;
    if (oid === 700 || oid === 701 || oid === 23 || oid === 21) return Number;
    return oid === 16 ? (text) => text === 't' : (text) => text;
  },
};

function numberOf(text: string): number | string {
  const number = Number(text);
  return Number.isSafeInteger(number) || text.includes('.') ? number : text;
}

function resultOf(answer: PostgresResult | readonly PostgresResult[]): StatementResult {
  const last = isList(answer) ? answer.at(-1) : answer;
  return { rows: last?.rows ?? [], changes: last?.rowCount ?? 0 };
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

function isList(answer: PostgresResult | readonly PostgresResult[]): answer is readonly PostgresResult[] {
  return Array.isArray(answer);
}

/** `pg` says by text alone that a connection is gone; the exporter goes by codes. */
function withCode(error: unknown): unknown {
  if (!(error instanceof Error) || 'code' in error) return error;
  if (!/connection|timeout|Client (?:has|was)/i.test(error.message)) return error;
  return Object.assign(error, { code: 'ERR_SOCKET_CLOSED' });
}
