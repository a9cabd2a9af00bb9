import { serverDatabase } from '../server/server-database.ts';
import { ServerLedger } from '../server/server-ledger.ts';
import { POSTGRES_DIALECT } from '../sql-dialect.ts';
import { DayPartitions } from './day-partitions.ts';
import { type CopyFrom, PostgresInsert } from './postgres-insert.ts';
import { openPostgresPool, type PostgresPool } from './postgres-pool.ts';
import { type PostgresLimits, PostgresServer } from './postgres-server.ts';

/** What a ledger on PostgreSQL is opened with. */
export interface PostgresLedgerSettings extends PostgresLimits {
  readonly url: string | undefined;
  readonly pool: PostgresPool | undefined;
  readonly maxConnections: number;
  readonly holdsProcess: boolean;
  readonly partitionByDay: boolean;
  readonly copy: boolean;
}

/** A ledger, and how to let go of its connections. */
export interface OpenedPostgres {
  readonly ledger: ServerLedger;
  readonly server: PostgresServer;
}

/** Gets at the driver and puts the ledger together; connects with the first call. */
export async function openPostgresLedger(settings: PostgresLedgerSettings): Promise<OpenedPostgres> {
  const { url, pool } = settings;
  const server = new PostgresServer(
    pool ?? (await openPostgresPool({ ...settings, url: url ?? '' })),
    pool === undefined,
    settings,
  );
  const db = serverDatabase('postgres', server);
  const insert = new PostgresInsert(db, settings.copy ? await loadCopyFrom() : undefined);
  const parts = { server, dialect: POSTGRES_DIALECT, db, insert };
  if (!settings.partitionByDay) return { ledger: new ServerLedger(parts), server };
  const partitions = new DayPartitions(db);
  const ledger = new ServerLedger({
    ...parts,
    layout: { partitioned: true },
    makeRoom: (connection, now) => partitions.makeRoom(connection, now),
    dropOld: (connection, cutoff) => partitions.dropOld(connection, cutoff),
  });
  return { ledger, server };
}

/** COPY is half as fast again; without the package records go the other way. */
async function loadCopyFrom(): Promise<CopyFrom | undefined> {
  try {
    const { from } = await import('pg-copy-streams');
    return from;
  } catch {
    return undefined;
  }
}
