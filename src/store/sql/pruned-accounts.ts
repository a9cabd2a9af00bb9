import { type Kysely, sql } from 'kysely';
import type { LedgerDatabase } from './database.ts';
import { changesOf, rowsOf, type SqlScript } from './script.ts';

/** A row that retention removes, as far as the accounts of its instance go. */
export interface PrunedRow {
  readonly instance_id: string;
  readonly seq: number;
}

/** Adds removed rows to the accounts of who wrote them, so that they do not look lost. In the transaction that removes them. */
export function* countPruned(db: Kysely<LedgerDatabase>, rows: readonly PrunedRow[]): SqlScript<void> {
  const counts = new Map<string, number>();
  for (const { instance_id, seq } of rows) {
    if (seq > 0) counts.set(instance_id, (counts.get(instance_id) ?? 0) + 1);
  }
  yield* countPrunedByInstance(db, counts);
}

/** The same, where the rows are counted already. */
export function* countPrunedByInstance(
  db: Kysely<LedgerDatabase>,
  counts: ReadonlyMap<string, number>,
): SqlScript<void> {
  for (const [instanceId, count] of counts) {
    if (count === 0) continue;
    yield* changesOf(
      db
        .updateTable('ledger_instances')
        .set({ pruned: sql<number>`pruned + ${count}` })
        .where('instance_id', '=', instanceId),
    );
  }
}

/** Takes out of quarantine what has been stored since: those records count as stored, and later as pruned. */
export function* settleQuarantine(db: Kysely<LedgerDatabase>): SqlScript<void> {
  yield* changesOf(
    db
      .deleteFrom('record_quarantine')
      .where((eb) =>
        eb.exists(
          eb
            .selectFrom('execution_records')
            .select('execution_records.record_id')
            .whereRef('execution_records.record_id', '=', 'record_quarantine.record_id')
            .whereRef('execution_records.rev', '>=', 'record_quarantine.rev'),
        ),
      ),
  );
}

/** Removes what was quarantined before `cutoff`, and counts it. */
export function* pruneQuarantine(db: Kysely<LedgerDatabase>, cutoff: number): SqlScript<void> {
  const old = db.selectFrom('record_quarantine').where('at', '<', cutoff);
  yield* countPruned(db, yield* rowsOf(old.select(['instance_id', 'seq'])));
  yield* changesOf(db.deleteFrom('record_quarantine').where('at', '<', cutoff));
}

/** Forgets processes that were last known to live before `cutoff`: nothing they wrote is kept so long. */
export function* pruneInstances(db: Kysely<LedgerDatabase>, cutoff: number): SqlScript<void> {
  const old = db.selectFrom('ledger_instances').select('instance_id').where('heartbeat_at', '<', cutoff);
  yield* changesOf(db.deleteFrom('record_losses').where('instance_id', 'in', old).where('at', '<', cutoff));
  yield* changesOf(db.deleteFrom('ledger_instances').where('heartbeat_at', '<', cutoff));
}
