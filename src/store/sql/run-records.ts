import type { Kysely } from 'kysely';
import type { ExecutionRow } from '../execution-row.ts';
import { FAILED_OUTCOME, type LedgerDatabase } from './database.ts';
import { inOrderOfStart } from './run-order.ts';

/** Ids in one statement; SQLite takes 32,766 parameters. */
const MAX_IDS = 1_000;

/**
 * The records of a run in order of start. Of a run with more than `limit` those that failed come first, then those that were
 * stored first, and always what they belong to and what those failed at, so that the tree hangs together and shows the
 * cause. Every part is read by an index, so a run of millions costs no more than one of `limit`.
 */
export async function readRun(
  db: Kysely<LedgerDatabase>,
  runId: string,
  limit: number,
): Promise<readonly ExecutionRow[]> {
  const ofRun = db.selectFrom('execution_records').selectAll().where('run_id', '=', runId);
  const rows = await ofRun.limit(limit).execute();
  if (rows.length < limit) return inOrderOfStart(rows);
  const failed = await ofRun.where(FAILED_OUTCOME).limit(limit).execute();
  const known = new Map(failed.map((row) => [row.record_id, row]));
  for (const row of rows) {
    if (known.size >= limit) break;
    known.set(row.record_id, row);
  }
  await addRelated(db, known);
  return inOrderOfStart([...known.values()]);
}

/** What records belong to, and what they failed at, level by level. */
async function addRelated(db: Kysely<LedgerDatabase>, known: Map<string, ExecutionRow>): Promise<void> {
  const asked = new Set<string>();
  let level: readonly ExecutionRow[] = [...known.values()];
  while (level.length > 0) {
    const related = new Set(level.flatMap((row) => [row.parent_record_id, row.failed_record_id]));
    const missing = [...related].filter((id) => id !== null && !known.has(id) && !asked.has(id)) as string[];
    const found: ExecutionRow[] = [];
    for (let at = 0; at < missing.length; at += MAX_IDS) {
      const ids = missing.slice(at, at + MAX_IDS);
      for (const id of ids) asked.add(id);
      const query = db.selectFrom('execution_records').selectAll().where('record_id', 'in', ids);
      found.push(...(await query.execute()));
    }
    for (const row of found) known.set(row.record_id, row);
    level = found;
  }
}
