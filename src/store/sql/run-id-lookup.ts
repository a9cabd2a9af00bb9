import type { Kysely } from 'kysely';
import type { LedgerDatabase } from './database.ts';
import { LedgerError } from './ledger-error.ts';

/** Ids listed for an abbreviation that stands for several. */
const MAX_CANDIDATES = 5;
/** Sorts after every character of an id. */
const AFTER_IDS = '\u{10ffff}';

/**
 * The run an id means: a run id, the start of one, or the record id, or its start, of any execution of the run.
 * Whole ids win over abbreviations, run ids over record ids. Throws `AMBIGUOUS_ID` where several runs fit.
 */
export async function findRunId(db: Kysely<LedgerDatabase>, id: string): Promise<string | undefined> {
  const whole = await db
    .selectFrom('execution_records')
    .select('run_id')
    .where('run_id', '=', id)
    .limit(1)
    .executeTakeFirst();
  if (whole !== undefined) return whole.run_id;
  const record = await db
    .selectFrom('execution_records')
    .select('run_id')
    .where('record_id', '=', id)
    .executeTakeFirst();
  if (record !== undefined) return record.run_id;
  if (id === '') return undefined;
  return only(id, await runIdsFrom(db, id)) ?? only(id, await runIdsOfRecordsFrom(db, id));
}

function only(id: string, runIds: readonly string[]): string | undefined {
  if (runIds.length <= 1) return runIds[0];
  const more = runIds.length > MAX_CANDIDATES ? ', …' : '';
  throw new LedgerError(
    'AMBIGUOUS_ID',
    `'${id}' stands for several runs: ${runIds.slice(0, MAX_CANDIDATES).join(', ')}${more}. Give more of the id.`,
  );
}

/** From one run to the next in the index, so that a run of a million records costs what a run of one does. */
async function runIdsFrom(db: Kysely<LedgerDatabase>, prefix: string): Promise<readonly string[]> {
  const runIds: string[] = [];
  while (runIds.length <= MAX_CANDIDATES) {
    const next = await db
      .selectFrom('execution_records')
      .select('run_id')
      .where('run_id', runIds.length === 0 ? '>=' : '>', runIds.at(-1) ?? prefix)
      .where('run_id', '<', prefix + AFTER_IDS)
      .orderBy('run_id')
      .limit(1)
      .executeTakeFirst();
    if (next === undefined) break;
    runIds.push(next.run_id);
  }
  return runIds;
}

/** A short start of a record id fits many records: what the first few do not tell apart is ambiguous anyway. */
async function runIdsOfRecordsFrom(db: Kysely<LedgerDatabase>, prefix: string): Promise<readonly string[]> {
  const rows = await db
    .selectFrom('execution_records')
    .select('run_id')
    .where('record_id', '>=', prefix)
    .where('record_id', '<', prefix + AFTER_IDS)
    .orderBy('record_id')
    .limit(1_000)
    .execute();
  return [...new Set(rows.map((row) => row.run_id))];
}
