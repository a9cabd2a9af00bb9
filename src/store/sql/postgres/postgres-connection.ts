import type { QueryResult } from '../../ledger-reader.ts';
import type { StatementResult } from '../script.ts';
import type { ServerConnection } from '../server/ledger-server.ts';
import { inTime, ServerTimeoutError } from '../server/time-limit.ts';
import { requestCancel } from './cancel-request.ts';
import { poolerErrorFrom } from './pooler.ts';
import type {
  PostgresClient,
  PostgresNotice,
  PostgresQuery,
  PostgresResult,
  PostgresTypes,
} from './postgres-pool.ts';

/** SQLSTATE classes after which a connection is as good as before: the statement was refused, no more. */
const HARMLESS = /^(?:21|22|23|2B|40|42|44|54|55)/;
/** Oids of the types whose text a JavaScript number holds: bigint, numeric. */
const NUMBERS: ReadonlySet<number> = new Set([20, 1700]);

/** The routine of PostgreSQL in which a commit waits for the standbys that are to have it. */
const WAIT_FOR_STANDBYS = 'SyncRepWaitForLSN';
/** How long a transaction may wait for us before the server gives it up, and its locks with it: we may be gone unheard. Milliseconds. */
const IDLE_MILLIS = 10_000;
/** How long the server may take to hear that a call is given up. Milliseconds. */
const CANCEL_MILLIS = 1_000;
/** How much longer than we wait a server may be at something of ours, where it can not be told that we have given up. Milliseconds. */
const GRACE_MILLIS = 1_000;

/** What the server said of a connection when it was new. */
interface Acquaintance {
  /** Whether it has one backend for life. Behind a pooler it has not. */
  readonly isDirect: boolean;
  /** Whether somebody has set how long statements may take. */
  readonly isLimited: boolean;
}

const ACQUAINTANCES = new WeakMap<PostgresClient, Acquaintance>();

/** A client of `pg` while it is ours. */
export class PostgresConnection implements ServerConnection {
  readonly client: PostgresClient;
  readonly #queryTimeoutMillis: number;
  readonly #onRelease: () => void;
  #trouble: Error | undefined;
  #doubt: Error | undefined;
  #known: Acquaintance | undefined;
  /** While a client is out of its pool, nobody else listens to it. */
  readonly #onError = (error: Error): void => {
    this.#trouble ??= error;
  };
  /** Somebody has cut short the wait of a commit: the server says that it is done, and a failover may undo it. */
  readonly #onNotice = ({ routine }: PostgresNotice): void => {
    if (routine !== WAIT_FOR_STANDBYS) return;
    const message = 'the commit was not waited for until the standbys had it';
    this.#doubt = Object.assign(new Error(message), { code: 'RUNLEDGER_NOT_REPLICATED' });
  };

  constructor(client: PostgresClient, queryTimeoutMillis: number, onRelease: () => void) {
    this.client = client;
    this.#queryTimeoutMillis = queryTimeoutMillis;
    this.#onRelease = onRelease;
    client.on('error', this.#onError);
    client.on('notice', this.#onNotice);
  }

  /**
   * Finds out whether a pooler is in between: that makes up the process which it says the client talks to. A round trip for each
   * connection that is new.
   */
  async getToKnow(): Promise<void> {
    this.#known = ACQUAINTANCES.get(this.client);
    if (this.#known !== undefined) return;
    const question = `select pg_backend_pid() as pid, current_setting('statement_timeout') as timeout`;
    const [row] = (await this.run(question, [])).rows as readonly Readonly<Record<string, unknown>>[];
    this.#known = { isDirect: row?.pid === this.client.processID, isLimited: row?.timeout !== '0' };
    ACQUAINTANCES.set(this.client, this.#known);
  }

  /**
   * What begins a transaction. It ends by itself where the server hears no more of us: over a connection that is gone unheard, or through
   * a pooler, nobody can be told that a statement is given up, and what it holds locked the next try would wait for.
   */
  get beginning(): string {
    const begin = `begin; set local idle_in_transaction_session_timeout = ${IDLE_MILLIS}`;
    if (this.#known?.isLimited !== false) return begin;
    return `${begin}; set local statement_timeout = ${Math.ceil(this.#queryTimeoutMillis) + GRACE_MILLIS}`;
  }

  async run(text: string, parameters: readonly unknown[], name?: string): Promise<StatementResult> {
    const query: PostgresQuery = {
      text,
      types: TYPES,
      ...(parameters.length > 0 && { values: [...parameters] }),
      // A pooler gives each transaction another backend, where a statement is not known, or is somebody else's.
      ...(name !== undefined && this.#known?.isDirect === true && { name }),
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

  async begin(): Promise<void> {
    await this.run(this.beginning, []);
  }

  async commitAndRun(query: string): Promise<StatementResult> {
    return resultOf(await this.bounded(this.client.query({ text: `commit; ${query}`, types: TYPES })));
  }

  async exclusively<T>(name: string, work: () => Promise<T>): Promise<T> {
    await this.begin();
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
      const answer = await inTime(this.#queryTimeoutMillis, 'the query', call);
      if (this.#doubt !== undefined) throw this.#doubt;
      return answer;
    } catch (error) {
      const { code } = error as { code?: unknown };
      if (typeof code !== 'string' || !HARMLESS.test(code)) this.#trouble ??= error as Error;
      if (error instanceof ServerTimeoutError && this.#known?.isDirect === true) {
        await requestCancel(this.client, CANCEL_MILLIS);
      }
      throw withCode(error);
    }
  }

  release(): void {
    this.client.removeListener('error', this.#onError);
    this.client.removeListener('notice', this.#onNotice);
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

function isList(answer: PostgresResult | readonly PostgresResult[]): answer is readonly PostgresResult[] {
  return Array.isArray(answer);
}

/** `pg` says by text alone that a connection is gone, and a pooler whatever it says by one code; the exporter goes by codes. */
export function withCode(error: unknown): unknown {
  if (!(error instanceof Error)) return error;
  if ('code' in error) return poolerErrorFrom(error);
  if (!/connection|timeout|Client (?:has|was)/i.test(error.message)) return error;
  return Object.assign(error, { code: 'ERR_SOCKET_CLOSED' });
}
