import { type Kysely, type RawBuilder, sql } from 'kysely';
import type { LedgerInstance, LedgerReport, RecordLoss } from '../record-store.ts';
import { distinctLosses, KEPT_IN_FILE, type supersedes } from '../single-loss.ts';
import type { InstanceTable, LedgerDatabase, LossTable } from './database.ts';
import { changesOf, type SqlScript } from './script.ts';
import { insertOrMerge, type SqlDialect } from './sql-dialect.ts';

/** Losses in one statement; an instance has a handful. */
const MAX_ROWS = 100;

/** Keeps what is reported of instances. Told twice, or late, it changes nothing for the worse. */
export function* writeReport(
  db: Kysely<LedgerDatabase>,
  dialect: SqlDialect,
  { instances, losses }: LedgerReport,
): SqlScript<void> {
  for (const instance of instances) {
    const insert = db.insertInto('ledger_instances').values(rowFromInstance(instance));
    const larger = (name: keyof InstanceTable): RawBuilder<number> => {
      const known = sql.ref<number>(`ledger_instances.${name}`);
      const told = dialect.inserted<number>(name);
      // Where one of the two is NULL, the larger of them is the other.
      return sql<number>`coalesce(${dialect.larger(known, told)}, ${known}, ${told})`;
    };
    yield* changesOf(
      insertOrMerge(dialect, insert, ['instance_id'], {
        heartbeat_at: larger('heartbeat_at'),
        ended_at: larger('ended_at'),
        last_seq: larger('last_seq'),
        sampled_out: larger('sampled_out'),
        durability: dialect.inserted('durability'),
      }),
    );
  }
  const distinct = distinctLosses(losses);
  for (let at = 0; at < distinct.length; at += MAX_ROWS) {
    const rows = distinct.slice(at, at + MAX_ROWS).map(rowFromLoss);
    const insert = db.insertInto('record_losses').values(rows);
    yield* changesOf(
      insertOrMerge(dialect, insert, ['instance_id', 'loss_no'], {
        // In this order: MySQL reads in the second what the first has set.
        records: superseding(dialect, 'records'),
        reason: superseding(dialect, 'reason'),
      }),
    );
  }
}

/** A column of what is told, where that {@link supersedes} what is known. */
function superseding(dialect: SqlDialect, column: 'records' | 'reason'): RawBuilder<unknown> {
  const known = (name: keyof LossTable) => sql.ref(`record_losses.${name}`);
  const told = (name: keyof LossTable) => dialect.inserted(name);
  return sql`case when ${known('reason')} = ${sql.lit(KEPT_IN_FILE)}
    and (${told('reason')} <> ${sql.lit(KEPT_IN_FILE)} or ${told('records')} = 0)
    then ${told(column)} else ${known(column)} end`;
}

function rowFromInstance(instance: LedgerInstance): InstanceTable {
  return {
    instance_id: instance.instanceId,
    service_name: instance.serviceName,
    service_version: instance.serviceVersion ?? null,
    host: instance.host,
    pid: instance.pid,
    durability: instance.durability,
    started_at: instance.startedAt,
    heartbeat_at: instance.heartbeatAt,
    ended_at: instance.endedAt ?? null,
    last_seq: instance.lastSeq,
    sampled_out: instance.sampledOut,
    pruned: 0,
  };
}

function rowFromLoss(loss: RecordLoss): LossTable {
  return {
    instance_id: loss.instanceId,
    loss_no: loss.lossNo,
    reason: loss.reason,
    records: loss.records,
    first_seq: loss.firstSeq,
    last_seq: loss.lastSeq,
    at: loss.at,
  };
}
