import { shownUrl } from '../../ledger-location.ts';
import { type OpenedLedger, ServerRecordStore } from '../server/server-record-store.ts';
import type { PostgresPool } from './postgres-pool.ts';

/** Two write side by side while there is a backlog, another prunes. */
const MAX_CONNECTIONS = 3;

/** Options of a {@link PostgresRecordStore}: either a URL or a pool of yours. */
export interface PostgresRecordStoreOptions {
  /** `postgres://user:password@host:5432/database`, with what `pg` knows of parameters, such as `sslmode`. */
  readonly url?: string;
  /** A pool of `pg` that the application has anyway. It is not closed with the store. */
  readonly pool?: PostgresPool;
  /** Connections of the pool that a URL opens: one fewer write, and one prunes. @default 3 */
  readonly maxConnections?: number;
  /** How long a connection may take. Milliseconds. @default 3_000 */
  readonly connectTimeoutMillis?: number;
  /** How long one statement may take; after that its outcome is unknown and it is sent again. Milliseconds. @default 5_000 */
  readonly queryTimeoutMillis?: number;
  /**
   * Lays out `execution_records`, when it makes it, in partitions by day, so that retention drops days instead of deleting
   * rows. A table that is there stays as it is. @default false
   */
  readonly partitionByDay?: boolean;
  /** Whether new records go by COPY, where the package `pg-copy-streams` is installed. @default true */
  readonly copy?: boolean;
  /**
   * Whether calls of the store keep the process alive, those of a pool that a URL opens. Not in an application, where whoever
   * waits for records to be stored does; a script of its own that awaits the store needs it. @default false
   */
  readonly holdsProcess?: boolean;
  /** Milliseconds since the Unix epoch. @default Date.now */
  readonly now?: () => number;
}

/**
 * Keeps records in PostgreSQL 13 or newer through the package `pg`, which has to be installed. Any number of processes may
 * write to one database. Connections are opened by the first write, are three at most, and do not hold the process.
 */
export class PostgresRecordStore extends ServerRecordStore {
  readonly name: string;
  /** Of a pool of the application's one connection is used, of one's own all but that for pruning. */
  readonly maxWrites: number;
  readonly #options: PostgresRecordStoreOptions;

  /** Throws where there is neither URL nor pool, or both. */
  constructor(options: PostgresRecordStoreOptions) {
    super(options.now);
    const { url, pool } = options;
    if ((url === undefined) === (pool === undefined)) {
      throw new TypeError('PostgresRecordStore takes either a url or a pool');
    }
    this.name = url === undefined ? 'postgres (a pool of the application)' : shownUrl(url);
    this.maxWrites = url === undefined ? 1 : Math.max(1, (options.maxConnections ?? MAX_CONNECTIONS) - 1);
    this.#options = options;
  }

  protected async open(): Promise<OpenedLedger> {
    const { openPostgresLedger } = await import('./postgres-ledger.ts');
    const { url, pool } = this.#options;
    const { ledger, server } = await openPostgresLedger({
      url,
      pool,
      maxConnections: this.#options.maxConnections ?? MAX_CONNECTIONS,
      connectTimeoutMillis: this.#options.connectTimeoutMillis ?? 3_000,
      holdsProcess: this.#options.holdsProcess ?? false,
      queryTimeoutMillis: this.#options.queryTimeoutMillis ?? 5_000,
      partitionByDay: this.#options.partitionByDay ?? false,
      copy: this.#options.copy ?? true,
    });
    return { ledger, close: () => server.close() };
  }
}
