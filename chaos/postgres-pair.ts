import { setTimeout as sleep } from 'node:timers/promises';
import {
  becomeStandby,
  hasPostgres,
  type PostgresServer,
  startPostgres,
  startStandby,
} from '../test/support/postgres-server.ts';
import { askPostgres } from './ledgers/ask-postgres.ts';
import type { Ledger } from './ledgers/ledger.ts';
import { Skipped } from './scenario.ts';
import type { Random } from './seeded.ts';
import { TcpProxy } from './tcp-proxy.ts';

const SETTINGS = { max_connections: '200', wal_keep_size: '1GB', synchronous_commit: 'remote_apply' };
/** What an error of a server that may only be read has in it on the wire: its code. */
const READ_ONLY = 'C25006\0';
const LOOK_MILLIS = 50;
const FOLLOWS_WITHIN_MILLIS = 60_000;

/**
 * Two PostgreSQLs, of which one follows the other and has every commit before it is acknowledged, and the address that
 * applications know: a proxy, as clouds and clusters have it, that leads to one of the two.
 */
export class PostgresPair {
  readonly endpoint: TcpProxy;
  #primary: PostgresServer;
  #standby: PostgresServer;
  readonly version: string;

  private constructor(primary: PostgresServer, standby: PostgresServer, endpoint: TcpProxy, version: string) {
    this.#primary = primary;
    this.#standby = standby;
    this.endpoint = endpoint;
    this.version = version;
  }

  static async start(random: Random): Promise<PostgresPair> {
    if (!hasPostgres) throw new Skipped('PostgreSQL is not installed');
    const primary = await startPostgres(SETTINGS);
    try {
      const standby = await startStandby(primary, SETTINGS);
      const endpoint = await TcpProxy.open(primary.port, random);
      endpoint.watch(READ_ONLY);
      const [row] = await askPostgres(primary.url, 'show server_version');
      const version = `PostgreSQL ${String(row?.server_version).split(' ')[0]}`;
      const pair = new PostgresPair(primary, standby, endpoint, version);
      await pair.synchronise();
      return pair;
    } catch (error) {
      await primary.dispose();
      throw error;
    }
  }

  get primary(): PostgresServer {
    return this.#primary;
  }

  get standby(): PostgresServer {
    return this.#standby;
  }

  /** Answers that said: this server may only be read. */
  get refusals(): number {
    return this.endpoint.seen;
  }

  /** The ledger as its oracle sees it, whichever of the two is the primary. */
  get ledger(): Ledger {
    const { version } = this;
    const urlThrough = (port: number) => this.#primary.url.replace(`:${this.#primary.port}/`, `:${port}/`);
    return {
      dialect: 'postgres',
      version,
      url: urlThrough(this.endpoint.port),
      urlThrough,
      server: undefined,
      query: (sql) => askPostgres(this.#primary.url, sql),
      reset: () => Promise.reject(new Error('a pair is started for one ledger')),
      dispose: () => this.dispose(),
    };
  }

  /** Makes the standby the primary. Resolves once it can be written; the other is to follow by {@link rejoin}. */
  async promote(): Promise<void> {
    await this.#standby.run('pg_ctl', 'promote', '-w', '-D', this.#standby.data);
    [this.#primary, this.#standby] = [this.#standby, this.#primary];
  }

  /** Refuses what writes in transactions that begin from now on, of sessions that are there too. */
  async makeReadOnly(): Promise<void> {
    await set(this.#primary, 'default_transaction_read_only', 'on');
  }

  /** Has the former primary, which has ended, follow the new one. */
  async rejoin(how: 'as it is' | 'as a copy'): Promise<void> {
    await becomeStandby(this.#standby, this.#primary, how);
  }

  /** Has commits wait for the standby from now on, and waits until that has all of what was committed before. */
  async synchronise(): Promise<void> {
    await set(this.#primary, 'synchronous_standby_names', 'standby');
    const deadline = performance.now() + FOLLOWS_WITHIN_MILLIS;
    const [position] = await askPostgres(this.#primary.url, 'select pg_current_wal_lsn() as lsn');
    const isSynchronous = `select 1 from pg_stat_replication where sync_state = 'sync' and replay_lsn >= '${String(position?.lsn)}'`;
    while ((await askPostgres(this.#primary.url, isSynchronous)).length === 0) {
      if (performance.now() > deadline) throw new Error('the standby does not follow');
      await sleep(LOOK_MILLIS);
    }
  }

  async dispose(): Promise<void> {
    await this.endpoint.close();
    await Promise.all([this.#primary.dispose(), this.#standby.dispose()]);
  }
}

async function set(server: PostgresServer, name: string, value: string): Promise<void> {
  await askPostgres(server.url, `alter system set ${name} = '${value}'`);
  await askPostgres(server.url, 'select pg_reload_conf()');
}
