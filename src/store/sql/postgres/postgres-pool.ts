/** What is read of an answer of `pg`. */
export interface PostgresResult {
  readonly rows: readonly object[];
  readonly rowCount: number | null;
  readonly fields?: readonly { readonly name: string }[];
}

/** How the values of a query are read. */
export interface PostgresTypes {
  getTypeParser(oid: number, format?: string): (text: string) => unknown;
}

/** A query as `pg` takes it. */
export interface PostgresQuery {
  readonly text: string;
  readonly values?: unknown[];
  /** Prepared under this name. */
  readonly name?: string;
  readonly rowMode?: 'array';
  readonly queryMode?: 'extended';
  /** How values are read. */
  readonly types?: PostgresTypes;
}

/** What the server says beside its answers. */
export interface PostgresNotice {
  /** The routine of PostgreSQL that says it. */
  readonly routine?: string | undefined;
}

/** What is used of a client of `pg`. */
export interface PostgresClient {
  readonly host?: string;
  readonly port?: number;
  /** The process of the server, as the server said at the beginning, and what a request to cancel has to know. */
  readonly processID?: unknown;
  readonly secretKey?: unknown;
  query(query: PostgresQuery): Promise<PostgresResult | readonly PostgresResult[]>;
  release(error?: Error | boolean): void;
  on(event: 'error', listener: (error: Error) => void): unknown;
  on(event: 'notice', listener: (notice: PostgresNotice) => void): unknown;
  removeListener(event: 'error', listener: (error: Error) => void): unknown;
  removeListener(event: 'notice', listener: (notice: PostgresNotice) => void): unknown;
}

/** A pool of `pg`, or of something that behaves like one. */
export interface PostgresPool {
  connect(): Promise<PostgresClient>;
  end(): Promise<void>;
  on(event: 'error', listener: (error: Error) => void): unknown;
  removeListener(event: 'error', listener: (error: Error) => void): unknown;
  listenerCount(event: 'error'): number;
}

/** How a pool of our own is opened. */
export interface PostgresPoolSettings {
  readonly url: string;
  readonly maxConnections: number;
  readonly connectTimeoutMillis: number;
  /** Whether a call under way keeps the process alive. An idle connection never does. */
  readonly holdsProcess: boolean;
}

/**
 * Opens a pool of our own with the `pg` that is installed. Rejects with
 * `RUNLEDGER_DRIVER_MISSING` where there is no `pg`.
 */
export async function openPostgresPool(settings: PostgresPoolSettings): Promise<PostgresPool> {
  const { Pool } = await loadPg();
  const { Socket } = process.getBuiltinModule('node:net');
  const pool = new Pool({
    connectionString: settings.url,
    max: settings.maxConnections,
    connectionTimeoutMillis: settings.connectTimeoutMillis,
    keepAlive: true,
    application_name: 'runledger',
    allowExitOnIdle: true,
    ...(!settings.holdsProcess && { stream: () => new Socket().unref() }),
  });
  // The pool stops listening before whoever waits for a connection begins to: a server that ends it in that very moment, in
  // the packet in which it greets, would end the process.
  pool.on('connect', (client) => client.on('error', () => undefined));
  // By itself a pool lets go of idle connections, and holds on to those in use.
  // The declared type of a client lacks the two methods by which `pg` does that itself.
  if (!settings.holdsProcess) pool.on('acquire', (client) => (client as unknown as Unrefable).unref());
  return pool;
}

interface Unrefable {
  unref(): void;
}

async function loadPg(): Promise<Pick<typeof import('pg'), 'Pool'>> {
  try {
    return await import('pg');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ERR_MODULE_NOT_FOUND') throw error;
    const message = "PostgreSQL needs the package 'pg', which is not installed: npm install pg";
    throw Object.assign(new Error(message, { cause: error }), { code: 'RUNLEDGER_DRIVER_MISSING' });
  }
}
