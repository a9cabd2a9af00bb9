import { type Kysely, sql } from 'kysely';
import { isFailed } from '../../execution.ts';
import {
  MAX_REMOTE_CHILDREN,
  movedSteps,
  REMOTE_CHILD_COLUMNS,
  REMOTE_PARENT_COLUMNS,
  type RemoteChildLink,
  type RemoteChildRow,
  type RemoteColumns,
  type RemoteParentRow,
  remoteChange,
} from '../remote-children.ts';
import { FAILED_OUTCOME, type LedgerDatabase } from './database.ts';
import { changesOf, rowsOf, type SqlScript } from './script.ts';
import { insertOrKeep, type SqlDialect } from './sql-dialect.ts';

/** Rows or ids in one statement. */
const MAX_ROWS = 500;

/** Keeps which records are children of executions in other processes. */
export function* keepRemoteChildren(
  db: Kysely<LedgerDatabase>,
  dialect: SqlDialect,
  links: readonly RemoteChildLink[],
): SqlScript<void> {
  for (let at = 0; at < links.length; at += MAX_ROWS) {
    const insert = db.insertInto('remote_children').values(links.slice(at, at + MAX_ROWS));
    yield* changesOf(insertOrKeep(dialect, insert, ['parent_record_id', 'record_id']));
  }
}

/** Which of these records have children in other processes that matter to them. */
export function* remoteParentsAmong(
  db: Kysely<LedgerDatabase>,
  recordIds: readonly string[],
): SqlScript<readonly string[]> {
  const parents: string[] = [];
  for (let at = 0; at < recordIds.length; at += MAX_ROWS) {
    const ids = recordIds.slice(at, at + MAX_ROWS);
    const found = yield* rowsOf(
      db
        .selectFrom('remote_children')
        .select('parent_record_id')
        .distinct()
        .where('parent_record_id', 'in', ids),
    );
    parents.push(...found.map((row) => row.parent_record_id));
  }
  return parents;
}

/**
 * Brings a row in line with its children in other processes, and what names it as its root with it. It reads and then
 * writes, so whoever runs it sees to it that nobody else does so for the same run meanwhile.
 */
export function* linkRemoteChildren(db: Kysely<LedgerDatabase>, parentId: string): SqlScript<void> {
  const [parent] = yield* rowsOf<RemoteParentRow>(
    db.selectFrom('execution_records').select(REMOTE_PARENT_COLUMNS).where('record_id', '=', parentId),
  );
  if (parent === undefined || parent.state !== 'ended') return;
  const ofParent = db
    .selectFrom('execution_records')
    .where((eb) =>
      eb(
        'record_id',
        'in',
        eb
          .selectFrom('remote_children')
          .select('remote_children.record_id')
          .where('parent_record_id', '=', parentId),
      ),
    )
    .where('state', '=', 'ended');
  const [counted] = yield* rowsOf(
    ofParent.where(FAILED_OUTCOME).select((eb) => eb.fn.countAll<number>().as('failed')),
  );
  const hasFailed = parent.outcome !== null && isFailed(parent.outcome as never);
  const children = hasFailed
    ? yield* rowsOf<RemoteChildRow>(
        ofParent.select(REMOTE_CHILD_COLUMNS).orderBy('record_id').limit(MAX_REMOTE_CHILDREN),
      )
    : [];
  const change = remoteChange(parent, children, Number(counted?.failed ?? 0));
  if (change !== undefined) {
    yield* changesOf(db.updateTable('execution_records').set(change).where('record_id', '=', parentId));
  }
  yield* moveRoots(db, parent, change ?? parent);
}

/** What failed because of a row fails because of that row's own root, once that is known. */
function* moveRoots(
  db: Kysely<LedgerDatabase>,
  parent: RemoteParentRow,
  {
    failed_step,
    failed_record_id,
    error_fingerprint,
  }: Pick<RemoteColumns, 'failed_step' | 'failed_record_id' | 'error_fingerprint'>,
): SqlScript<void> {
  if (failed_step === null || failed_record_id === null) return;
  const root = { name: failed_step, record_id: failed_record_id };
  const ancestors = yield* rowsOf(
    db
      .selectFrom('execution_records')
      .select(['record_id', 'failed_steps'])
      .where('run_id', '=', parent.run_id)
      .where('failed_record_id', '=', parent.record_id)
      .where(FAILED_OUTCOME),
  );
  for (const { record_id, failed_steps } of ancestors) {
    yield* changesOf(
      db
        .updateTable('execution_records')
        .set({ failed_step, failed_record_id, error_fingerprint })
        .set({ failed_steps: movedSteps(failed_steps, parent.record_id, root) })
        .where('record_id', '=', record_id)
        .where(sql<boolean>`record_id <> ${failed_record_id}`),
    );
  }
}
