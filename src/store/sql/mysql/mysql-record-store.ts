import { shownUrl } from '../../ledger-location.ts';
import { type OpenedLedger, ServerRecordStore } from '../server/server-record-store.ts';
import type { MysqlPool } from './mysql-pool.ts';

/** Two write side by side while there is a backlog, another prunes. */
const MAX_CONNECTIONS = 3;

/** Options of a {@link MysqlRecordStore}: either a URL or a pool of yours. */
export interface MysqlRecordStoreOptions {
  /** `mysql://user:password@host:3306/database` or `mariadb://…`. */
  readonly url?: string;
  /**
   * A pool of `mysql2` that the application has anyway, in its form with callbacks: `createPool` of `mysql2`, or the `pool`
   * of one of `mysql2/promise`. It is not closed with the store.
   */
  readonly pool?: MysqlPool;
  /** Connections of the pool that a URL opens: one fewer write, and one prunes. @default 3 */
  readonly maxConnections?: number;
  /** How long a connection may take. Milliseconds. @default 3_000 */
  readonly connectTimeoutMillis?: number;
  /** How long one statement may take; after that its outcome is unknown and it is sent again. Milliseconds. @default 5_000 */
  readonly queryTimeoutMillis?: number;
  /**
   * Whether calls of the store keep the process alive, those of a pool that a URL opens. Not in an application, where whoever
   * waits for records to be stored does; a script of its own that awaits the store needs it. @default false
   */
  readonly holdsProcess?: boolean;
  /** Milliseconds since the Unix epoch. @default Date.now */
  readonly now?: () => number;
}

/**
 * Keeps records in MySQL 8 or MariaDB 10.6, or newer, through the package `mysql2`, which has to be installed. Any number
 * of processes may write to one database. Connections are opened by the first write, are three at most, and do not hold the
 * process.
 */
export class MysqlRecordStore extends ServerRecordStore {
  readonly name: string;
  /** Of a pool of the application's one connection is used, of one's own all but that for pruning. */
  readonly maxWrites: number;
  readonly #options: MysqlRecordStoreOptions;

  /** Throws where there is neither URL nor pool, or both. */
  constructor(options: MysqlRecordStoreOptions) {
    super(options.now);
    const { url, pool } = options;
    if ((url === undefined) === (pool === undefined)) {
      throw new TypeError('MysqlRecordStore takes either a url or a pool');
    }
    this.name = url === undefined ? 'mysql (a pool of the application)' : shownUrl(url);
    this.maxWrites = url === undefined ? 1 : Math.max(1, (options.maxConnections ?? MAX_CONNECTIONS) - 1);
    this.#options = options;
  }

  protected async open(): Promise<OpenedLedger> {
    const { openMysqlLedger } = await import('./mysql-ledger.ts');
    const { url, pool } = this.#options;
    const { ledger, server } = await openMysqlLedger({
      url,
      pool,
      maxConnections: this.#options.maxConnections ?? MAX_CONNECTIONS,
      connectTimeoutMillis: this.#options.connectTimeoutMillis ?? 3_000,
      holdsProcess: this.#options.holdsProcess ?? false,
      queryTimeoutMillis: this.#options.queryTimeoutMillis ?? 5_000,
    });
    return { ledger, close: () => server.close() };
  }
}
