import { DatabaseSync } from 'node:sqlite';

type Row = Readonly<Record<string, string | number>>;

/** Primary keys by table: loading the same night twice leaves one row each. */
const TABLES = {
  daily_weather:
    'station text, day text, precipitation real, temp_max real, temp_min real, wind real, primary key (station, day)',
  monthly_weather:
    'station text, month text, temp_mean real, precipitation real, primary key (station, month)',
  co2_monthly: 'month text primary key, ppm real',
  global_temperature: 'year integer primary key, anomaly real',
} as const;

/** The tables the pipelines load: a SQLite file. */
export class Warehouse {
  readonly path: string;
  readonly #db: DatabaseSync;

  constructor(path: string) {
    this.path = path;
    this.#db = new DatabaseSync(path);
    for (const [table, columns] of Object.entries(TABLES)) {
      this.#db.exec(`create table if not exists ${table} (${columns})`);
    }
  }

  /** Loads all rows or none. Rows that are there already are replaced. */
  load(table: keyof typeof TABLES, rows: readonly Row[]): number {
    const names = Object.keys(rows[0] ?? {});
    const values = names.map((name) => `:${name}`).join(', ');
    const insert = this.#db.prepare(
      `insert or replace into ${table} (${names.join(', ')}) values (${values})`,
    );
    this.#db.exec('begin');
    try {
      for (const row of rows) insert.run(row);
      this.#db.exec('commit');
    } catch (error) {
      this.#db.exec('rollback');
      throw error;
    }
    return rows.length;
  }

  query(sql: string): Row[] {
    return this.#db.prepare(sql).all() as Row[];
  }

  close(): void {
    this.#db.close();
  }
}
