import { type Kysely, sql } from 'kysely';
import { recordIdFloor } from '../../record-id.ts';
import { ERROR_TYPE_OTHER } from '../../semconv.ts';
import type { FailureGroup } from '../ledger-reader.ts';
import { FAILED_OUTCOME, type LedgerDatabase } from './database.ts';
import type { SqlDialect } from './sql-dialect.ts';

/**
 * Failures with one cause, the newest group first. Counted are the executions a failure started at: a failed one
 * whose failure is traced to none below it. The groups come out of the index of failures alone.
 */
export async function readFailures(
  db: Kysely<LedgerDatabase>,
  dialect: SqlDialect,
  sinceMs: number | undefined,
  limit: number,
): Promise<readonly FailureGroup[]> {
  const origins = db
    .selectFrom('execution_records')
    .where(FAILED_OUTCOME)
    .where('failed_record_id', 'is', null)
    // The plus keeps SQLite on the index of failures, which is short, and off the key.
    .where(
      dialect.name === 'sqlite' ? sql<string>`+record_id` : sql<string>`record_id`,
      '>=',
      sinceMs === undefined ? '' : recordIdFloor(sinceMs),
    );
  const groups = await origins
    .select((eb) => [
      sql<string>`coalesce(error_fingerprint, '')`.as('fingerprint'),
      eb.fn.countAll<number>().as('count'),
      eb.fn.min('ended_at').as('first_seen'),
      eb.fn.max('ended_at').as('last_seen'),
      eb.fn.max('record_id').as('newest'),
    ])
    .groupBy(sql`1`)
    .orderBy('last_seen', 'desc')
    .limit(limit)
    .execute();
  if (groups.length === 0) return [];
  const newestIds = groups.map((group) => group.newest);
  const newest = await db
    .selectFrom('execution_records')
    .select(['record_id', 'run_id', 'pipeline', 'name', 'error_type', 'error_message', 'started_at'])
    .where('record_id', 'in', newestIds)
    .execute();
  const byId = new Map(newest.map((row) => [row.record_id, row]));
  return groups.flatMap((group) => {
    const row = byId.get(group.newest);
    if (row === undefined) return [];
    return [
      {
        fingerprint: group.fingerprint,
        error_type: row.error_type ?? ERROR_TYPE_OTHER,
        error_message: row.error_message,
        pipeline: row.pipeline,
        failed_step: row.name,
        count: Number(group.count),
        first_seen: group.first_seen ?? row.started_at,
        last_seen: group.last_seen ?? row.started_at,
        last_run_id: row.run_id,
      },
    ];
  });
}
