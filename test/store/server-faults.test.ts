import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import mysql from 'mysql2';
import pg from 'pg';
import { BatchRecordExporter } from '../../src/export/batch-record-exporter.ts';
import { classifyError } from '../../src/export/error-classes.ts';
import type { ExecutionRecord } from '../../src/records/execution-record.ts';
import { SpoolRecordQueue } from '../../src/spool/spool-record-queue.ts';
import { MysqlRecordStore } from '../../src/store/sql/mysql/mysql-record-store.ts';
import { PostgresRecordStore } from '../../src/store/sql/postgres/postgres-record-store.ts';
import { stepRecord } from '../support/execution-records.ts';
import { mysqlPlace } from '../support/mysql-ledger.ts';
import { MYSQL_SERVERS } from '../support/mysql-server.ts';
import { hasPgbouncer, startPgbouncer } from '../support/pgbouncer-server.ts';
import { type PostgresPlace, pooledPlace, postgresPlace } from '../support/postgres-ledger.ts';
import { hasPostgres, startPostgres } from '../support/postgres-server.ts';
import type { TestServer } from '../support/server-process.ts';
import { describeServerFaults, type FaultyPlace } from './describe-server-faults.ts';

describeServerFaults({
  name: 'PostgreSQL',
  isInstalled: hasPostgres,
  start: () => startPostgres(),
  open: (options) => new PostgresRecordStore(options),
  place: async (url) => faultyPostgres(await postgresPlace(url)),
});

let pooler: TestServer;
describeServerFaults({
  name: 'PostgreSQL behind a PgBouncer',
  isInstalled: hasPostgres && hasPgbouncer,
  async start() {
    const server = await startPostgres();
    pooler = await startPgbouncer(server, 'transaction');
    return {
      port: server.port,
      url: server.url,
      get pid() {
        return server.pid;
      },
      stop: (signal) => server.stop(signal),
      start: () => server.start(),
      async dispose() {
        await pooler.dispose();
        await server.dispose();
      },
    };
  },
  open: (options) => new PostgresRecordStore(options),
  place: async (url) => faultyPostgres(await pooledPlace(url, pooler.port)),
});

function faultyPostgres(place: PostgresPlace): FaultyPlace {
  const ours = "from pg_stat_activity where application_name = 'runledger'";
  return {
    ...place,
    ids: async () =>
      (await place.query('select record_id from execution_records order by record_id')).map((row) =>
        String(row.record_id),
      ),
    killConnections: async () => (await place.query(`select pg_terminate_backend(pid) ${ours}`)).length,
    async waiting() {
      // In a transaction the activity is that of the first look at it.
      await place.query('select pg_stat_clear_snapshot()');
      return (await place.query(`select pid ${ours} and wait_event_type = 'Lock'`)).length;
    },
    async lock(table) {
      await place.query('begin');
      await place.query(`lock table ${table} in share mode`);
      return async () => {
        await place.query('commit');
      };
    },
  };
}

for (const { name, isInstalled, start } of MYSQL_SERVERS) {
  describeServerFaults({
    name,
    isInstalled,
    start: () => start(),
    open: (options) => new MysqlRecordStore(options),
    async place(url) {
      const place = await mysqlPlace(url);
      const database = new URL(place.url).pathname.slice(1);
      return {
        ...place,
        ids: async () =>
          (await place.query('select record_id from execution_records order by record_id')).map((row) =>
            String(row.record_id),
          ),
        async killConnections() {
          const rows = await place.query(
            `select id as id from information_schema.processlist where db = '${database}' and id <> connection_id()`,
          );
          for (const { id } of rows) await place.query(`kill ${Number(id)}`);
          return rows.length;
        },
        waiting: async () =>
          (
            await place.query(
              `select id as id from information_schema.processlist where db = '${database}' and state like 'Waiting for table%'`,
            )
          ).length,
        async lock(table) {
          await place.query(`lock tables ${table} read`);
          return async () => {
            await place.query('unlock tables');
          };
        },
      };
    },
  });
}

(hasPostgres ? describe : describe.skip)('a PostgreSQL', () => {
  let server: TestServer;
  beforeAll(async () => {
    server = await startPostgres();
  }, 120_000);
  afterAll(() => server?.dispose());

  it('that revokes an insert says so, and goes on when it is granted again', async () => {
    const place = await postgresPlace(server.url);
    await place.query(
      `create role writer login; grant usage, create on schema ${schemaOf(place.url)} to writer`,
    );
    const store = new PostgresRecordStore({ url: place.url.replace('ledger:ledger@', 'writer@') });
    await store.init();
    await store.write([stepRecord()]);
    await place.query(
      'alter table execution_records owner to ledger; grant select, update on execution_records to writer',
    );
    await expect(store.write([stepRecord()])).rejects.toMatchObject({ code: '42501' });
    await place.query('grant insert on execution_records to writer');
    await store.write([stepRecord()]);
    expect(await place.records()).toHaveLength(2);
    await store.close();
    await place.query('drop owned by writer cascade; drop role writer');
    await place.dispose();
  });

  it('is written with no more than the rights the documents name', async () => {
    const place = await postgresPlace(server.url);
    const admin = new PostgresRecordStore({ url: place.url });
    await admin.init();
    await admin.close();
    await place.query(`create role app login; grant usage on schema ${schemaOf(place.url)} to app;
      grant select, insert, update, delete on all tables in schema ${schemaOf(place.url)} to app`);
    const store = new PostgresRecordStore({ url: place.url.replace('ledger:ledger@', 'app@') });
    await store.init();
    await store.write([stepRecord()]);
    expect(await store.prune({ maxAgeMs: 0, failedMaxAgeMs: 0, maxBytes: 0 })).toMatchObject({
      removedByAge: 1,
    });
    await store.close();
    await place.query('drop owned by app cascade; drop role app');
    await place.dispose();
  });

  it('that lets nobody write its quarantine keeps what it refuses in files', async () => {
    const place = await postgresPlace(server.url);
    const admin = new PostgresRecordStore({ url: place.url });
    await admin.init();
    await admin.close();
    const schema = schemaOf(place.url);
    await place.query(`create role hasty login; grant usage on schema ${schema} to hasty;
      grant select, insert, update, delete on all tables in schema ${schema} to hasty;
      revoke insert on record_quarantine from hasty;
      alter table execution_records add constraint no_poison check (name <> 'poison')`);
    const directory = await mkdtemp(join(tmpdir(), 'runledger-quarantine-'));
    const exporter = new BatchRecordExporter(
      new PostgresRecordStore({ url: place.url.replace('ledger:ledger@', 'hasty@'), holdsProcess: true }),
      {},
      (owner, onDrop) => new SpoolRecordQueue({ ...owner, directory }, onDrop),
    );
    for (const name of ['fine', 'poison']) exporter.export(stepRecord({ name }));
    await exporter.forceFlush();
    expect(exporter.accounts()).toMatchObject({ created: 2, stored: 1, quarantined: 1, queued: 0 });
    await exporter.shutdown();
    expect((await readdir(join(directory, 'quarantine'))).filter((name) => /seg$/.test(name))).toHaveLength(
      1,
    );
    await rm(directory, { recursive: true });
    await place.query('drop owned by hasty cascade; drop role hasty');
    await place.dispose();
  });

  it('that has no place for a character keeps the record in quarantine, and what goes with it in its table', async () => {
    const place = await postgresPlace(server.url);
    await place.query(
      "create database latin encoding 'LATIN1' template template0 lc_collate 'C' lc_ctype 'C'",
    );
    const url = server.url.replace(/\/ledger$/, '/latin');
    const exporter = new BatchRecordExporter(new PostgresRecordStore({ url, holdsProcess: true }));
    const [plain, umlaut, emoji] = ['plain', 'für', 'für 🧨'].map((name) => stepRecord({ name }));
    for (const record of [plain, umlaut, emoji]) exporter.export(record as ExecutionRecord);
    await exporter.forceFlush();
    expect(exporter.accounts()).toMatchObject({ created: 3, stored: 2, quarantined: 1 });
    await exporter.shutdown();
    const client = new pg.Client({ connectionString: url });
    await client.connect();
    const { rows } = await client.query('select reason, record from record_quarantine');
    await client.end();
    expect(rows.map(({ reason, record }) => ({ reason, name: JSON.parse(record).name }))).toEqual([
      { reason: '22P05', name: 'für 🧨' },
    ]);
    await place.query('drop database latin');
    await place.dispose();
  });

  it('whose commit is not waited for until the standbys have it has not stored what it says it has', async () => {
    const place = await postgresPlace(server.url);
    const standbys = async (names: string) => {
      await place.query(`alter system set synchronous_standby_names = '${names}'`);
      await place.query('select pg_reload_conf()');
    };
    const store = new PostgresRecordStore({ url: place.url, queryTimeoutMillis: 20_000 });
    await store.init();
    await store.write([stepRecord()]);
    const cancel = "select pg_cancel_backend(pid) from pg_stat_activity where wait_event = 'SyncRep'";
    let record = stepRecord();
    let stored = 1;
    let answer: unknown = 'stored';
    try {
      await standbys('nobody');
      // The server takes its time to go by it.
      for (; answer === 'stored'; stored++) {
        record = stepRecord();
        let isAnswered = false;
        const write = store
          .write([record])
          .then(
            () => 'stored',
            (error: unknown) => error,
          )
          .finally(() => {
            isAnswered = true;
          });
        while (!isAnswered && (await place.query(cancel)).length === 0);
        answer = await write;
      }
    } finally {
      await standbys('');
    }
    expect(answer).toMatchObject({ code: 'RUNLEDGER_NOT_REPLICATED' });
    expect(classifyError(answer).errorClass).toBe('transient');
    await store.write([record]);
    expect(await place.records()).toHaveLength(stored);
    await store.close();
    await place.dispose();
  });

  it('through a pool of the application, which it neither closes nor brings down', async () => {
    const place = await postgresPlace(server.url);
    const pool = new pg.Pool({ connectionString: place.url, application_name: 'application' });
    const store = new PostgresRecordStore({ pool });
    await store.init();
    await store.write([stepRecord()]);
    // Nobody else listens to the pool: without a listener the next line would end this process.
    await place.query(
      "select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'application'",
    );
    await new Promise((resolve) => setTimeout(resolve, 100));
    await store.write([stepRecord()]);
    await store.close();
    expect(pool.listenerCount('error')).toBe(0);
    expect((await pool.query('select count(*) as count from execution_records')).rows).toEqual([
      { count: '2' },
    ]);
    await pool.end();
    await place.dispose();
  });

  it('in partitions drops whole days', async () => {
    const day = 86_400_000;
    const place = await postgresPlace(server.url);
    let now = Date.UTC(2026, 0, 1);
    const store = new PostgresRecordStore({ url: place.url, partitionByDay: true, now: () => now });
    const partitions = async () =>
      (
        await place.query(
          "select relname from pg_class join pg_inherits on oid = inhrelid where inhparent = 'execution_records'::regclass and relkind = 'r'",
        )
      ).length;
    await store.init();
    for (let days = 0; days < 10; days++) {
      now += day;
      await store.write([stepRecord({ startedAt: now })]);
    }
    const made = await partitions();
    expect(made).toBeGreaterThan(10);
    expect(await place.query('select count(*) as count from execution_records_default')).toEqual([
      { count: 0 },
    ]);
    const policy = { maxAgeMs: 4 * day, failedMaxAgeMs: 4 * day, maxBytes: 2 ** 40 };
    expect(await store.prune(policy)).toMatchObject({ removedByAge: 5 });
    expect(await partitions()).toBeLessThan(made - 3);
    expect(await place.records()).toHaveLength(5);
    await store.close();
    await place.dispose();
  });
});

for (const { name, isInstalled, start } of MYSQL_SERVERS) {
  (isInstalled ? describe : describe.skip)(`a ${name}`, () => {
    it('through a pool of the application, which it does not close', async () => {
      const server = await start();
      const place = await mysqlPlace(server.url);
      const pool = mysql.createPool(place.url);
      const store = new MysqlRecordStore({ pool });
      await store.init();
      await store.write([stepRecord()]);
      await store.close();
      const [rows] = await pool.promise().query('select count(*) as count from execution_records');
      expect(rows).toEqual([{ count: 1 }]);
      await pool.promise().end();
      await place.dispose();
      await server.dispose();
    });
  });
}

describe.each([
  ['PostgresRecordStore', (url: string) => new PostgresRecordStore({ url })],
  ['MysqlRecordStore', (url: string) => new MysqlRecordStore({ url })],
] as const)('%s', (_, open) => {
  it('is named without user and password', () => {
    expect(open('postgres://me:secret@db.example:5433/ledger?sslmode=require').name).toBe(
      'postgres://db.example:5433/ledger',
    );
    expect(open('postgres://me:sec ret@:nonsense').name).not.toContain('sec');
  });

  it('needs either a URL or a pool', () => {
    const made = () => open(undefined as never);
    expect(made).toThrow('takes either a url or a pool');
  });
});

function schemaOf(url: string): string {
  return decodeURIComponent(url).split('search_path=')[1] ?? '';
}
