import { type Expression, type Kysely, type RawBuilder, sql } from 'kysely';
import { recordIdFloor } from '../../../record-id.ts';
import { EXECUTION_COLUMNS } from '../../execution-row.ts';
import type { PruneReport, RetentionPolicy } from '../../record-store.ts';
import { FAILED_OUTCOME, type LedgerDatabase } from '../database.ts';
import { countPruned, pruneInstances, pruneQuarantine, settleQuarantine } from '../pruned-accounts.ts';
import { changesOf, rowsOf, type SqlScript } from '../script.ts';
import {
  inServerTransaction,
  type LedgerServer,
  runServerScript,
  type ServerConnection,
  withConnection,
} from './ledger-server.ts';

/** Rows removed, or looked at, in one go: other writers get in between. */
const BATCH_ROWS = 1_000;
/** Runs that are judged in one go. */
const BATCH_RUNS = 200;
/** Runs a walk remembers. */
const MAX_SEEN = 10_000;
/** Rows at either end of the table whose size stands for that of all. */
const SAMPLE_ROWS = 500;
/** Bytes a row takes besides its texts, indexes included. */
const BYTES_BESIDES = 700;

/** A ledger to prune. */
export interface PrunableServer {
  readonly server: LedgerServer;
  readonly db: Kysely<LedgerDatabase>;
  readonly isOpen: () => boolean;
  readonly dropOld?: (connection: ServerConnection, cutoff: number) => Promise<number>;
}

/** Which runs a pass takes: `settled` ones have ended whole and without a failure. */
type RunClass = 'settled' | 'any';

/**
 * Removes what the policy no longer keeps. A run goes whole: its newest end decides. One with a failure, or with an
 * execution that never ended, counts as failed. Works in small transactions. The bytes are those of the rows, estimated
 * from a sample: what a server keeps on disk for reuse is its own affair.
 */
export async function pruneServer(
  ledger: PrunableServer,
  policy: RetentionPolicy,
  now: number,
): Promise<PruneReport> {
  return withConnection(ledger.server, async (connection) => {
    const pass = new PrunePass(ledger, connection);
    const bytesBefore = await pass.bytes();
    await pass.removeAccounts(
      now - policy.failedMaxAgeMs,
      now - Math.max(policy.maxAgeMs, policy.failedMaxAgeMs),
    );
    const dropped =
      (await ledger.dropOld?.(connection, now - Math.max(policy.maxAgeMs, policy.failedMaxAgeMs))) ?? 0;
    const removedByAge =
      dropped +
      (await pass.removeOlder('settled', now - policy.maxAgeMs)) +
      (await pass.removeOlder('any', now - policy.failedMaxAgeMs));
    const removedBySize =
      (await pass.removeExcess('settled', policy.maxBytes)) +
      (await pass.removeExcess('any', policy.maxBytes));
    return { removedByAge, removedBySize, bytesBefore, bytesAfter: await pass.bytes() };
  });
}

class PrunePass {
  readonly #ledger: PrunableServer;
  readonly #connection: ServerConnection;
  readonly #db: Kysely<LedgerDatabase>;

  constructor(ledger: PrunableServer, connection: ServerConnection) {
    this.#ledger = ledger;
    this.#connection = connection;
    this.#db = ledger.db;
  }

  async removeAccounts(quarantineCutoff: number, instanceCutoff: number): Promise<void> {
    const db = this.#db;
    await this.#transact(settleQuarantine(db));
    await this.#transact(pruneQuarantine(db, finite(quarantineCutoff)));
    await this.#transact(pruneInstances(db, finite(instanceCutoff)));
  }

  /** Removes the runs of a class that ended before `cutoff`. An end before it has a start before it: that bounds the walk. */
  async removeOlder(runClass: RunClass, cutoff: number): Promise<number> {
    let removed = 0;
    for await (const runIds of this.#walkRuns(recordIdFloor(cutoff))) {
      const old = await this.#script(judgeRuns(this.#db, runIds, runClass, finite(cutoff)));
      removed += await this.#removeRuns(old.map((run) => run.run_id));
    }
    return removed;
  }

  /** Removes the oldest runs of a class until the rest fits. */
  async removeExcess(runClass: RunClass, maxBytes: number): Promise<number> {
    let excess = (await this.bytes()) - maxBytes;
    let removed = 0;
    if (excess <= 0) return removed;
    for await (const runIds of this.#walkRuns(undefined)) {
      const runs = await this.#script(judgeRuns(this.#db, runIds, runClass, Number.MAX_SAFE_INTEGER));
      const bytes = new Map(runs.map((run) => [run.run_id, Number(run.bytes)]));
      const going: string[] = [];
      // In the order of the walk, the oldest first.
      for (const runId of runIds) {
        const size = bytes.get(runId);
        if (size === undefined || excess <= 0) continue;
        going.push(runId);
        excess -= size;
      }
      removed += await this.#removeRuns(going);
      if (excess <= 0) break;
    }
    return removed;
  }

  /** What the rows take: their number times the mean of the first and the last ones. */
  async bytes(): Promise<number> {
    return await this.#script(estimateBytes(this.#db));
  }

  /**
   * The runs of the ledger, the oldest start first, a few at a time. Each comes once, save past {@link MAX_SEEN} runs,
   * where it may come again.
   */
  async *#walkRuns(end: string | undefined): AsyncGenerator<readonly string[]> {
    const seen = new Set<string>();
    let after = '';
    while (this.#ledger.isOpen()) {
      let page = this.#db
        .selectFrom('execution_records')
        .select(['record_id', 'run_id'])
        .where('record_id', '>', after)
        .orderBy('record_id')
        .limit(BATCH_ROWS);
      if (end !== undefined) page = page.where('record_id', '<', end);
      const rows = await this.#script(rowsOf(page));
      const last = rows.at(-1);
      if (last === undefined) return;
      after = last.record_id;
      const runIds = [...new Set(rows.map((row) => row.run_id))].filter((runId) => !seen.has(runId));
      for (let at = 0; at < runIds.length; at += BATCH_RUNS) yield runIds.slice(at, at + BATCH_RUNS);
      if (seen.size > MAX_SEEN) seen.clear();
      for (const runId of runIds) seen.add(runId);
    }
  }

  async #removeRuns(runIds: readonly string[]): Promise<number> {
    let removed = 0;
    while (runIds.length > 0 && this.#ledger.isOpen()) {
      const rows = await this.#transact(removeRows(this.#db, runIds));
      removed += rows;
      if (rows < BATCH_ROWS) break;
    }
    return removed;
  }

  #script<T>(script: SqlScript<T>): Promise<T> {
    return runServerScript(this.#connection, script);
  }

  #transact<T>(script: SqlScript<T>): Promise<T> {
    return inServerTransaction(this.#connection, () => this.#script(script));
  }
}

interface JudgedRun {
  readonly run_id: string;
  readonly bytes: number;
}

/** The runs of a class whose newest end is before `cutoff`, with their size. */
function* judgeRuns(
  db: Kysely<LedgerDatabase>,
  runIds: readonly string[],
  runClass: RunClass,
  cutoff: number,
): SqlScript<readonly JudgedRun[]> {
  let runs = db
    .selectFrom('execution_records')
    .select(['run_id', sql<number>`sum(${rowBytes()})`.as('bytes')])
    .where('run_id', 'in', [...runIds])
    .groupBy('run_id')
    .having(sql<number>`max(coalesce(ended_at, started_at))`, '<', cutoff);
  if (runClass === 'settled') {
    const unsettled = sql<number>`sum(case when ${FAILED_OUTCOME} or ended_at is null then 1 else 0 end)`;
    runs = runs.having(unsettled, '=', 0);
  }
  return yield* rowsOf(runs);
}

/** Locks before it counts, so that of two prunes at once only one counts a row. */
function* removeRows(db: Kysely<LedgerDatabase>, runIds: readonly string[]): SqlScript<number> {
  const rows = yield* rowsOf(
    db
      .selectFrom('execution_records')
      .select(['record_id', 'instance_id', 'seq'])
      .where('run_id', 'in', [...runIds])
      .limit(BATCH_ROWS)
      .forUpdate(),
  );
  if (rows.length > 0) {
    const ids = rows.map((row) => row.record_id);
    yield* changesOf(db.deleteFrom('execution_records').where('record_id', 'in', ids));
    yield* countPruned(
      db,
      rows.map(({ instance_id, seq }) => ({ instance_id, seq: Number(seq) })),
    );
  }
  yield* changesOf(db.deleteFrom('remote_children').where('run_id', 'in', [...runIds]));
  return rows.length;
}

function* estimateBytes(db: Kysely<LedgerDatabase>): SqlScript<number> {
  const [counted] = yield* rowsOf(
    db.selectFrom('execution_records').select((eb) => eb.fn.countAll<number>().as('records')),
  );
  const records = Number(counted?.records ?? 0);
  if (records === 0) return 0;
  let bytes = 0;
  let sampled = 0;
  for (const order of ['asc', 'desc'] as const) {
    const limit = order === 'asc' ? SAMPLE_ROWS : Math.min(SAMPLE_ROWS, records - sampled);
    if (limit <= 0) break;
    const rows = yield* rowsOf(
      db
        .selectFrom('execution_records')
        .select(rowBytes().as('bytes'))
        .orderBy('record_id', order)
        .limit(limit),
    );
    for (const row of rows) bytes += Number(row.bytes);
    sampled += rows.length;
  }
  return Math.round((bytes / Math.max(1, sampled)) * records);
}

/** Bytes of the texts of a row, and of what comes with every row. */
function rowBytes(): RawBuilder<number> {
  const texts = EXECUTION_COLUMNS.filter(({ type }) => type === 'text').map(
    ({ name }): Expression<number> => sql<number>`coalesce(octet_length(${sql.ref(name)}), 0)`,
  );
  return sql<number>`(${sql.join(texts, sql` + `)} + ${sql.lit(BYTES_BESIDES)})`;
}

/** Servers know no infinity, or not all of them. */
function finite(time: number): number {
  return Math.max(time, Number.MIN_SAFE_INTEGER);
}
