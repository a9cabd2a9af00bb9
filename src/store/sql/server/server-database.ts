import {
  type CompiledQuery,
  type DatabaseConnection,
  Kysely,
  MysqlAdapter,
  MysqlQueryCompiler,
  PostgresAdapter,
  PostgresQueryCompiler,
  type QueryResult,
} from 'kysely';
import type { LedgerDatabase } from '../database.ts';
import type { LedgerServer, ServerConnection } from './ledger-server.ts';

/** kysely over a server of ours: it states the queries, the server's connections run them. */
export function serverDatabase(kind: 'postgres' | 'mysql', server: LedgerServer): Kysely<LedgerDatabase> {
  const unsupported = () => Promise.reject(new Error('transactions are run by the ledger'));
  return new Kysely<LedgerDatabase>({
    dialect: {
      createAdapter: () => (kind === 'postgres' ? new PostgresAdapter() : new MysqlAdapter()),
      createQueryCompiler: () =>
        kind === 'postgres' ? new PostgresQueryCompiler() : new MysqlQueryCompiler(),
      createIntrospector: () => {
        throw new Error('the schema of a ledger is known');
      },
      createDriver: () => ({
        init: async () => undefined,
        acquireConnection: async () => new LeasedConnection(await server.acquire()),
        beginTransaction: unsupported,
        commitTransaction: unsupported,
        rollbackTransaction: unsupported,
        releaseConnection: async (connection) => (connection as LeasedConnection).release(),
        destroy: async () => undefined,
      }),
    },
  });
}

class LeasedConnection implements DatabaseConnection {
  readonly #connection: ServerConnection;

  constructor(connection: ServerConnection) {
    this.#connection = connection;
  }

  async executeQuery<Row>({ sql, parameters }: CompiledQuery): Promise<QueryResult<Row>> {
    const { rows, changes } = await this.#connection.run(sql, parameters);
    // What a query selects is what its rows have.
    return { rows: rows as Row[], numAffectedRows: BigInt(changes) };
  }

  // biome-ignore lint/correctness/useYield: nothing of ours streams.
  async *streamQuery<Row>(): AsyncIterableIterator<QueryResult<Row>> {
    throw new Error('a ledger is read in pages');
  }

  release(): void {
    this.#connection.release();
  }
}
