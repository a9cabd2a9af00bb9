import type { DatabaseSync, StatementSync } from 'node:sqlite';
import { type Dialect, type SqliteDatabase, SqliteDialect } from 'kysely';

type Bindable = Parameters<StatementSync['all']>;

/**
 * kysely's dialect for a `node:sqlite` connection. Every call runs on the calling thread and blocks it, so it
 * belongs into a worker or into a program of its own. Destroying the kysely instance closes the connection.
 */
export function nodeSqliteDialect(connection: DatabaseSync): Dialect {
  const database: SqliteDatabase = {
    close: () => connection.close(),
    prepare: (text) => {
      const statement = connection.prepare(text);
      return {
        reader: statement.columns().length > 0,
        // kysely binds what the query builder was given; what SQLite can not bind, the driver refuses.
        all: (parameters) => statement.all(...(parameters as Bindable)),
        run: (parameters) => statement.run(...(parameters as Bindable)),
        iterate: (parameters) => statement.iterate(...(parameters as Bindable)),
      };
    },
  };
  return new SqliteDialect({ database });
}
