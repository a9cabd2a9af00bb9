import type { SqlValue } from '../store/execution-row.ts';
import type { LedgerReader, QueryResult } from '../store/ledger-reader.ts';
import { KEPT_IN_FILE } from '../store/single-loss.ts';

/** Records of a process that are lost for good, and why. */
export interface AccountedLoss {
  readonly reason: string;
  readonly records: number;
  readonly first_seq: number;
  readonly last_seq: number;
}

/** One life of a process that wrote to the ledger, with where each of its records is. */
export interface AccountedInstance {
  readonly instance_id: string;
  readonly service_name: string;
  readonly host: string;
  readonly pid: number;
  /** `silent`: it has neither ended nor been heard of for a while, and does not live on this machine. */
  readonly state: 'living' | 'ended' | 'silent';
  readonly durability: string;
  readonly last_seq: number;
  readonly stored: number;
  readonly quarantined: number;
  readonly pruned: number;
  readonly lost: number;
  /** Neither stored nor known to be lost. */
  readonly missing: number;
  readonly losses: readonly AccountedLoss[];
}

/** A process reports every ten seconds; one that has not for so long is not among the living. Milliseconds. */
const SILENT_MILLIS = 60_000;

const INSTANCES = `select instance_id, service_name, host, pid, durability, heartbeat_at, ended_at, last_seq, stored_records,
  quarantined, pruned, lost, missing from lost_records order by started_at`;
const LOSSES = `select instance_id, reason, sum(records) as records, min(first_seq) as first_seq, max(last_seq) as last_seq
  from record_losses where reason <> '${KEPT_IN_FILE}' group by instance_id, reason order by instance_id, reason`;

/**
 * The processes that have written to a ledger, first to start first. `now` in milliseconds since the Unix epoch; `living` are
 * the ids of those that are known to live, though they may be silent.
 */
export async function readInstances(
  ledger: LedgerReader,
  now: number,
  living: ReadonlySet<string>,
): Promise<readonly AccountedInstance[]> {
  const losses = new Map<string, AccountedLoss[]>();
  for (const row of rowsOf(await ledger.query(LOSSES))) {
    const id = String(row.instance_id);
    const { reason, records, first_seq, last_seq } = row;
    const loss = {
      reason: String(reason),
      records: Number(records),
      first_seq: Number(first_seq),
      last_seq: Number(last_seq),
    };
    losses.set(id, [...(losses.get(id) ?? []), loss]);
  }
  return rowsOf(await ledger.query(INSTANCES)).map((row) => ({
    instance_id: String(row.instance_id),
    service_name: String(row.service_name),
    host: String(row.host),
    pid: Number(row.pid),
    state: stateOf(row, now, living),
    durability: String(row.durability),
    last_seq: Number(row.last_seq),
    stored: Number(row.stored_records),
    quarantined: Number(row.quarantined),
    pruned: Number(row.pruned),
    lost: Number(row.lost),
    missing: Number(row.missing),
    losses: losses.get(String(row.instance_id)) ?? [],
  }));
}

function stateOf(
  { instance_id, ended_at, heartbeat_at }: Row,
  now: number,
  living: ReadonlySet<string>,
): AccountedInstance['state'] {
  if (ended_at !== null) return 'ended';
  if (living.has(String(instance_id))) return 'living';
  return now - Number(heartbeat_at) > SILENT_MILLIS ? 'silent' : 'living';
}

type Row = Readonly<Record<string, SqlValue>>;

function rowsOf({ columns, rows }: QueryResult): readonly Row[] {
  return rows.map((row) => Object.fromEntries(columns.map((name, at) => [name, row[at] ?? null])));
}
