import { createConnection, type ResultSetHeader, type RowDataPacket } from 'mysql2/promise';
import type { ExecutionRow } from '../../src/store/execution-row.ts';

/** A ledger's database in a MariaDB, seen past all code of ours. */
export interface MysqlPlace {
  readonly url: string;
  query(text: string, values?: readonly (string | number)[]): Promise<Record<string, unknown>[]>;
  records(): Promise<ExecutionRow[]>;
  dispose(): Promise<void>;
}

let databases = 0;

/** Makes a database of its own on the server behind a URL. */
export async function mysqlPlace(server: string): Promise<MysqlPlace> {
  const name = `ledger_${process.pid}_${++databases}`;
  const connection = await createConnection({ uri: server, decimalNumbers: true });
  // A test may end the server under it.
  connection.on('error', () => undefined);
  await connection.query(`create database ${name} character set utf8mb4`);
  await connection.query(`use ${name}`);
  const query = async (text: string, values: readonly (string | number)[] = []) => {
    const [rows] = await connection.query<RowDataPacket[] | ResultSetHeader>(text, [...values]);
    return Array.isArray(rows) ? rows.map((row): Record<string, unknown> => ({ ...row })) : [];
  };
  const url = new URL(server);
  url.pathname = `/${name}`;
  return {
    url: String(url),
    query,
    // The columns are those of the table, which the contract compares one by one.
    records: async () =>
      (await query('select * from execution_records order by record_id')) as unknown as ExecutionRow[],
    async dispose() {
      await connection.query(`drop database ${name}`).catch(() => undefined);
      connection.destroy();
    },
  };
}
