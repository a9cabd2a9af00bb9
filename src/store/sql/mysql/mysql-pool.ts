/** What MySQL says about a statement that changed rows. */
export interface MysqlChanges {
  readonly affectedRows: number;
}

/** A statement as `mysql2` takes it. */
export interface MysqlQuery {
  readonly sql: string;
  readonly values?: readonly unknown[];
  readonly rowsAsArray?: boolean;
}

type Callback = (
  error: Error | null,
  result?: readonly object[] | MysqlChanges,
  fields?: readonly { readonly name: string }[],
) => void;

/** What is used of a connection of `mysql2`, in its form with callbacks. */
export interface MysqlClient {
  query(query: MysqlQuery, callback: Callback): unknown;
  execute(query: MysqlQuery, callback: Callback): unknown;
  release(): void;
  destroy(): void;
  on(event: 'error', listener: (error: Error) => void): unknown;
  removeListener(event: 'error', listener: (error: Error) => void): unknown;
}

/** A pool of `mysql2`, in its form with callbacks: `createPool` of `mysql2`, or `pool.pool` of `mysql2/promise`. */
export interface MysqlPool {
  /** The connection is a `MysqlClient`; how `mysql2` declares it, no shape of few lines can say. */
  getConnection(callback: (error: Error | null, connection: unknown) => void): void;
  end(callback: (error?: Error | null) => void): void;
}

/** How a pool of our own is opened. */
export interface MysqlPoolSettings {
  readonly url: string;
  readonly maxConnections: number;
  readonly connectTimeoutMillis: number;
  readonly queryTimeoutMillis: number;
  /** Whether its connections keep the process alive. */
  readonly holdsProcess: boolean;
}

/** How long a transaction may wait for us before MariaDB gives it up. Seconds. */
const IDLE_SECONDS = 10;
/** How long a connection may say nothing before MySQL ends it: longer than from one heartbeat to the next. Seconds. */
const SILENT_SECONDS = 15;

/**
 * Opens a pool of our own with the `mysql2` that is installed. Rejects with
 * `RUNLEDGER_DRIVER_MISSING` where there is no `mysql2`.
 */
export async function openMysqlPool(settings: MysqlPoolSettings): Promise<MysqlPool> {
  const { createPool } = await loadMysql();
  const { connect } = process.getBuiltinModule('node:net');
  const { hostname, port } = new URL(settings.url);
  const pool = createPool({
    uri: settings.url.replace(/^mariadb:/, 'mysql:'),
    connectionLimit: settings.maxConnections,
    connectTimeout: settings.connectTimeoutMillis,
    enableKeepAlive: true,
    charset: 'utf8mb4',
    ...(!settings.holdsProcess && {
      stream: () => connect({ host: hostname, port: Number(port || 3306), keepAlive: true }).unref(),
    }),
  });
  const lockSeconds = Math.ceil(settings.queryTimeoutMillis / 1_000) + 1;
  pool.on('connection', (connection) => {
    // Whatever the server's own mode: what does not fit is refused, not cut to fit.
    connection.query("set session sql_mode = concat(@@sql_mode, ',STRICT_ALL_TABLES')");
    // A statement that waits for a lock would do so for a year after we have given it up, and one more with each try.
    connection.query(
      `set session lock_wait_timeout = ${lockSeconds}, innodb_lock_wait_timeout = ${lockSeconds}`,
      () => undefined,
    );
    // What a server that has lost its client unheard keeps locked, whoever sends the same records again waits for.
    connection.query(`set session idle_transaction_timeout = ${IDLE_SECONDS}`, (error) => {
      // MySQL does not know it.
      if (error !== null) connection.query(`set session wait_timeout = ${SILENT_SECONDS}`, () => undefined);
    });
  });
  // What is used of it is what it has; its own types name more overloads than there are calls here.
  return pool as unknown as MysqlPool;
}

async function loadMysql(): Promise<Pick<typeof import('mysql2'), 'createPool'>> {
  try {
    return await import('mysql2');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ERR_MODULE_NOT_FOUND') throw error;
    const message = "MySQL and MariaDB need the package 'mysql2', which is not installed: npm install mysql2";
    throw Object.assign(new Error(message, { cause: error }), { code: 'RUNLEDGER_DRIVER_MISSING' });
  }
}
