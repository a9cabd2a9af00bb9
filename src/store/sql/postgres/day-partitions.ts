import { type Kysely, sql } from 'kysely';
import { recordIdFloor } from '../../../record-id.ts';
import type { LedgerDatabase } from '../database.ts';
import { countPrunedByInstance } from '../pruned-accounts.ts';
import { changesOf, rowsOf, type SqlScript } from '../script.ts';
import { runServerScript, type ServerConnection } from '../server/ledger-server.ts';

const DAY_MS = 86_400_000;
/** Days that have their partition ahead of time: clocks differ, and a process may sleep. */
const DAYS_AHEAD = 3;
const NAME = /^execution_records_(\d{4})_(\d\d)_(\d\d)$/;

/**
 * The table of records by day of start, in UTC. The key begins with the time of the start, so it is the key that is
 * partitioned by, and looking up a record touches one partition. What fits into none is in the default partition.
 */
export class DayPartitions {
  readonly #db: Kysely<LedgerDatabase>;
  #madeUntil = Number.NEGATIVE_INFINITY;

  constructor(db: Kysely<LedgerDatabase>) {
    this.#db = db;
  }

  /** Makes the partitions of yesterday to a few days from now. Costs nothing but once a day. */
  async makeRoom(connection: ServerConnection, now: number): Promise<void> {
    const today = Math.floor(now / DAY_MS);
    if (today + 1 < this.#madeUntil) return;
    const wanted: number[] = [];
    for (let day = today - 1; day <= today + DAYS_AHEAD; day++) wanted.push(day);
    const names = new Set(await runServerScript(connection, partitionNames(this.#db)));
    const missing = wanted.filter((day) => !names.has(nameOf(day)));
    if (missing.length > 0 || !names.has('execution_records_default')) {
      await connection.exclusively('migrate', () =>
        runServerScript(connection, createPartitions(this.#db, missing)),
      );
    }
    this.#madeUntil = today + DAYS_AHEAD;
  }

  /** Drops the days nothing of which ended at or after `cutoff`. Resolves to the number of rows. */
  async dropOld(connection: ServerConnection, cutoff: number): Promise<number> {
    let dropped = 0;
    for (const name of await runServerScript(connection, partitionNames(this.#db))) {
      const day = dayOf(name);
      if (day === undefined || (day + 1) * DAY_MS > cutoff) continue;
      dropped += await connection.exclusively('migrate', () =>
        runServerScript(connection, dropPartition(this.#db, name, day, cutoff)),
      );
    }
    return dropped;
  }
}

function* partitionNames(db: Kysely<LedgerDatabase>): SqlScript<readonly string[]> {
  const query = sql<{
    name: string;
  }>`select c.relname as name from pg_inherits i join pg_class c on c.oid = i.inhrelid
    where i.inhparent = to_regclass('execution_records') order by c.relname`;
  const rows = yield* rowsOf({ compile: () => query.compile(db) });
  return rows.map(({ name }) => name);
}

function* createPartitions(db: Kysely<LedgerDatabase>, days: readonly number[]): SqlScript<void> {
  const known = new Set(yield* partitionNames(db));
  if (!known.has('execution_records_default')) {
    const create = sql`create table if not exists execution_records_default partition of execution_records default`;
    yield* changesOf({ compile: () => create.compile(db) });
  }
  for (const day of days) {
    if (known.has(nameOf(day))) continue;
    const create = sql`create table if not exists ${sql.id(nameOf(day))} partition of execution_records
      for values from (${sql.lit(recordIdFloor(day * DAY_MS))}) to (${sql.lit(recordIdFloor((day + 1) * DAY_MS))})`;
    yield* changesOf({ compile: () => create.compile(db) });
  }
}

/** A run whose last part is younger keeps its first day: there, row by row, retention decides. */
function* dropPartition(
  db: Kysely<LedgerDatabase>,
  name: string,
  day: number,
  cutoff: number,
): SqlScript<number> {
  const ofDay = db
    .selectFrom('execution_records')
    .where('record_id', '>=', recordIdFloor(day * DAY_MS))
    .where('record_id', '<', recordIdFloor((day + 1) * DAY_MS));
  const younger = yield* rowsOf(
    ofDay.select('record_id').where(sql<number>`coalesce(ended_at, started_at)`, '>=', cutoff).limit(1),
  );
  if (younger.length > 0) return 0;
  const openRuns = yield* rowsOf(
    ofDay
      .select('record_id')
      .where((eb) =>
        eb.exists(
          eb
            .selectFrom('execution_records as later')
            .select('later.record_id')
            .whereRef('later.run_id', '=', 'execution_records.run_id')
            .where('later.record_id', '>=', recordIdFloor((day + 1) * DAY_MS))
            .where(sql<number>`coalesce(later.ended_at, later.started_at)`, '>=', cutoff),
        ),
      )
      .limit(1),
  );
  if (openRuns.length > 0) return 0;
  const counts = yield* rowsOf(
    ofDay
      .select((eb) => [
        'instance_id',
        eb.fn.countAll<number>().as('records'),
        sql<number>`sum(case when seq > 0 then 1 else 0 end)`.as('numbered'),
      ])
      .groupBy('instance_id'),
  );
  yield* countPrunedByInstance(
    db,
    new Map(counts.map(({ instance_id, numbered }) => [instance_id, Number(numbered)])),
  );
  yield* changesOf(
    db
      .deleteFrom('remote_children')
      .where('record_id', '>=', recordIdFloor(day * DAY_MS))
      .where('record_id', '<', recordIdFloor((day + 1) * DAY_MS)),
  );
  const drop = sql`drop table ${sql.id(name)}`;
  yield* changesOf({ compile: () => drop.compile(db) });
  return counts.reduce((total, { records }) => total + Number(records), 0);
}

function nameOf(day: number): string {
  return `execution_records_${new Date(day * DAY_MS).toISOString().slice(0, 10).replaceAll('-', '_')}`;
}

function dayOf(name: string): number | undefined {
  const [, year, month, date] = NAME.exec(name) ?? [];
  return year === undefined ? undefined : Date.UTC(Number(year), Number(month) - 1, Number(date)) / DAY_MS;
}
