import type { Kysely } from 'kysely';
import { type Interruption, interruptionsOf, RUNNING_COLUMNS, type RunningRow } from '../interrupted-rows.ts';
import type { RemoteChildLink } from '../remote-children.ts';
import { IS_RUNNING, type LedgerDatabase } from './database.ts';
import { changesOf, rowsOf, type SqlScript } from './script.ts';

/** Rows looked at in one go: more of dead processes than that are ended in several. */
export const MAX_RUNNING = 50_000;

/** What still says `running` of these instances, and of those that have been silent since `silentBefore`. */
export function* findInterrupted(
  db: Kysely<LedgerDatabase>,
  instanceIds: readonly string[],
  silentBefore: number,
): SqlScript<readonly Interruption[]> {
  const running = yield* rowsOf<RunningRow>(
    db
      .selectFrom('execution_records')
      .leftJoin('ledger_instances', 'ledger_instances.instance_id', 'execution_records.instance_id')
      .select(RUNNING_COLUMNS.map((name) => `execution_records.${name}` as const))
      .select('heartbeat_at')
      .where(IS_RUNNING)
      .where((eb) =>
        eb.or([
          eb('heartbeat_at', '<', silentBefore),
          ...(instanceIds.length === 0 ? [] : [eb('execution_records.instance_id', 'in', instanceIds)]),
        ]),
      )
      .limit(MAX_RUNNING),
  );
  return interruptionsOf(running);
}

/** Ends rows that still say so; one whose end was written meanwhile is left alone. */
export function* interruptRows(
  db: Kysely<LedgerDatabase>,
  interruptions: readonly Interruption[],
): SqlScript<{ readonly changes: number; readonly links: readonly RemoteChildLink[] }> {
  let changes = 0;
  const links: RemoteChildLink[] = [];
  for (const { recordId, columns, link } of interruptions) {
    const changed = yield* changesOf(
      db.updateTable('execution_records').set(columns).where('record_id', '=', recordId).where(IS_RUNNING),
    );
    changes += changed;
    if (changed > 0 && link !== undefined) links.push(link);
  }
  return { changes, links };
}
