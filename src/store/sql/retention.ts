import type { DatabaseSync } from 'node:sqlite';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { type Compilable, type Kysely, sql } from 'kysely';
import { recordIdFloor } from '../../record-id.ts';
import type { PruneReport, RetentionPolicy } from '../record-store.ts';
import { FAILED_OUTCOME, type LedgerDatabase } from './database.ts';
import { countPruned, pruneInstances, pruneQuarantine, settleQuarantine } from './pruned-accounts.ts';
import { changesOf, rowsOf, runScript } from './script.ts';
import { ledgerBytes } from './sqlite-file.ts';
import { inTransaction } from './sqlite-transaction.ts';

/** Rows removed, or looked at, in one go: other writers get in between. */
const BATCH_ROWS = 1_000;
/** Free pages given back to the file system in one go. */
const BATCH_PAGES = 2_000;

/** Runs a walk remembers. */
const MAX_SEEN = 10_000;

/** An open ledger to prune. */
export interface PrunableLedger {
  readonly connection: DatabaseSync;
  readonly db: Kysely<LedgerDatabase>;
  readonly path: string;
}

/** Which runs a pass takes: `settled` ones have ended whole and without a failure. */
type RunClass = 'settled' | 'any';

/**
 * Removes what the policy no longer keeps. A run goes whole: its newest end decides. One with a failure, or with an
 * execution that never ended, counts as failed. Works in small transactions and lets other calls in between them.
 */
export async function pruneLedger(
  ledger: PrunableLedger,
  policy: RetentionPolicy,
  now: number,
): Promise<PruneReport> {
  const bytesBefore = ledgerBytes(ledger.path);
  removeAccounts(ledger, now - policy.failedMaxAgeMs, now - Math.max(policy.maxAgeMs, policy.failedMaxAgeMs));
  const removedByAge =
    (await removeOlder(ledger, 'settled', now - policy.maxAgeMs)) +
    (await removeOlder(ledger, 'any', now - policy.failedMaxAgeMs));
  const removedBySize =
    (await removeExcess(ledger, 'settled', policy.maxBytes)) +
    (await removeExcess(ledger, 'any', policy.maxBytes));
  await giveBack(ledger);
  return { removedByAge, removedBySize, bytesBefore, bytesAfter: ledgerBytes(ledger.path) };
}

/** Removes the runs of a class that ended before `cutoff`. An end before it has a start before it: that bounds the walk. */
async function removeOlder(ledger: PrunableLedger, runClass: RunClass, cutoff: number): Promise<number> {
  const end = recordIdFloor(cutoff);
  let removed = 0;
  for await (const runIds of walkRuns(ledger, end)) {
    const old = runIds.filter(
      (runId) => isOfClass(ledger, runId, runClass) && !isYounger(ledger, runId, cutoff),
    );
    removed += await removeRuns(ledger, old);
  }
  return removed;
}

function removeAccounts(ledger: PrunableLedger, quarantineCutoff: number, instanceCutoff: number): void {
  const { connection, db } = ledger;
  if (!connection.isOpen) return;
  inTransaction(connection, () => {
    runScript(connection, settleQuarantine(db));
    runScript(connection, pruneQuarantine(db, quarantineCutoff));
    runScript(connection, pruneInstances(db, instanceCutoff));
  });
}

/** Removes the oldest runs of a class until the ledger fits. */
async function removeExcess(ledger: PrunableLedger, runClass: RunClass, maxBytes: number): Promise<number> {
  const fits = (): boolean => usedBytes(ledger.connection) <= maxBytes;
  let removed = 0;
  if (!ledger.connection.isOpen || fits()) return 0;
  for await (const page of walkRuns(ledger, undefined)) {
    const runIds = page.filter((runId) => isOfClass(ledger, runId, runClass));
    while (runIds.length > 0) {
      removed += inTransaction(ledger.connection, () => removeFirst(ledger, runIds, fits));
      if (!(await turn(ledger)) || fits()) return removed;
    }
  }
  return removed;
}

/** Removes a batch of rows off the front of the runs, and from the list the runs that are gone. */
function removeFirst(ledger: PrunableLedger, runIds: string[], fits: () => boolean): number {
  let removed = 0;
  while (removed < BATCH_ROWS && runIds.length > 0 && !fits()) {
    const budget = BATCH_ROWS - removed;
    const changes = removeRows(ledger, runIds.slice(0, 1), budget);
    removed += changes;
    if (changes < budget) runIds.shift();
  }
  if (fits()) runIds.length = 0;
  return removed;
}

/**
 * The runs of the ledger, the oldest start first, a few at a time. Each comes once, so that a run of a million
 * records is not judged again with every page of it (save past {@link MAX_SEEN} runs, where it may).
 */
async function* walkRuns(ledger: PrunableLedger, end: string | undefined): AsyncGenerator<readonly string[]> {
  const seen = new Set<string>();
  let after = '';
  while (ledger.connection.isOpen) {
    let page = ledger.db
      .selectFrom('execution_records')
      .select(['record_id', 'run_id'])
      .where('record_id', '>', after)
      .orderBy('record_id')
      .limit(BATCH_ROWS);
    if (end !== undefined) page = page.where('record_id', '<', end);
    const rows = all(ledger, page);
    const last = rows.at(-1);
    if (last === undefined) return;
    after = String(last.record_id);
    const runIds = new Set(rows.map((row) => String(row.run_id)).filter((runId) => !seen.has(runId)));
    yield [...runIds];
    if (seen.size > MAX_SEEN) seen.clear();
    for (const runId of runIds) seen.add(runId);
    if (!(await turn(ledger))) return;
  }
}

function isOfClass(ledger: PrunableLedger, runId: string, runClass: RunClass): boolean {
  if (runClass === 'any') return true;
  const records = ledger.db.selectFrom('execution_records').select('record_id').where('run_id', '=', runId);
  if (all(ledger, records.where(FAILED_OUTCOME).limit(1)).length > 0) return false;
  return all(ledger, records.where('ended_at', 'is', null).limit(1)).length === 0;
}

function isYounger(ledger: PrunableLedger, runId: string, cutoff: number): boolean {
  const younger = ledger.db
    .selectFrom('execution_records')
    .select('record_id')
    .where('run_id', '=', runId)
    .where(sql<number>`coalesce(ended_at, started_at)`, '>=', cutoff)
    .limit(1);
  return all(ledger, younger).length > 0;
}

async function removeRuns(ledger: PrunableLedger, runIds: readonly string[]): Promise<number> {
  let removed = 0;
  if (runIds.length === 0) return removed;
  for (;;) {
    const changes = inTransaction(ledger.connection, () => removeRows(ledger, runIds, BATCH_ROWS));
    removed += changes;
    if (changes < BATCH_ROWS || !(await turn(ledger))) return removed;
  }
}

/** Inside the caller's transaction. */
function removeRows(ledger: PrunableLedger, runIds: readonly string[], limit: number): number {
  const { connection, db } = ledger;
  const ofRuns = sql<string>`(select value from json_each(${JSON.stringify(runIds)}))`;
  const batch = db
    .selectFrom('execution_records')
    .select('record_id')
    .where('run_id', 'in', ofRuns)
    .limit(limit);
  const removed = runScript(
    connection,
    rowsOf(
      db.deleteFrom('execution_records').where('record_id', 'in', batch).returning(['instance_id', 'seq']),
    ),
  );
  runScript(connection, countPruned(db, removed));
  runScript(connection, changesOf(db.deleteFrom('remote_children').where('run_id', 'in', ofRuns)));
  return removed.length;
}

/** Bytes of the pages that hold something. */
function usedBytes(connection: DatabaseSync): number {
  const pragma = (name: string): number =>
    Number(Object.values(connection.prepare(`pragma ${name}`).get() ?? {})[0] ?? 0);
  return (pragma('page_count') - pragma('freelist_count')) * pragma('page_size');
}

/** Cuts free pages off the file, then empties the WAL, so that the file system has the space again. */
async function giveBack(ledger: PrunableLedger): Promise<void> {
  const { connection } = ledger;
  if (!connection.isOpen) return;
  const freePages = (): number =>
    Number(connection.prepare('pragma freelist_count').get()?.freelist_count ?? 0);
  for (let before = freePages(); before > 0; ) {
    connection.exec(`pragma incremental_vacuum(${BATCH_PAGES})`);
    const after = freePages();
    if (after >= before) break;
    before = after;
    if (!(await turn(ledger))) return;
  }
  // Waits for no reader: writers of this thread would wait with it. The next prune tries again.
  const timeout = Number(connection.prepare('pragma busy_timeout').get()?.timeout ?? 0);
  connection.exec('pragma busy_timeout = 0');
  connection.exec('pragma wal_checkpoint(truncate)');
  connection.exec(`pragma busy_timeout = ${timeout}`);
}

/** Lets other calls in. False where one of them closed the ledger: then the prune ends with what it has done. */
async function turn({ connection }: PrunableLedger): Promise<boolean> {
  await nextTurn();
  return connection.isOpen;
}

function all(ledger: PrunableLedger, query: Compilable): readonly Record<string, unknown>[] {
  const { sql: text, parameters } = query.compile();
  return ledger.connection.prepare(text).all(...(parameters as (string | number)[]));
}
