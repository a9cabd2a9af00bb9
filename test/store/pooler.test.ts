import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { BatchRecordExporter } from '../../src/export/batch-record-exporter.ts';
import { classifyError } from '../../src/export/error-classes.ts';
import { openLedger } from '../../src/store/sql/ledger-reader.ts';
import { PostgresRecordStore } from '../../src/store/sql/postgres/postgres-record-store.ts';
import { stepRecord } from '../support/execution-records.ts';
import { hasPgbouncer, type PoolMode, startPgbouncer } from '../support/pgbouncer-server.ts';
import { type PostgresPlace, pooledPlace } from '../support/postgres-ledger.ts';
import { hasPostgres, startPostgres } from '../support/postgres-server.ts';
import type { TestServer } from '../support/server-process.ts';

const described = hasPostgres && hasPgbouncer ? describe : describe.skip;

/** A server, a pooler in front of it, and a place for each test. */
function behindPooler(mode: PoolMode) {
  const parts = {} as { server: TestServer; pooler: TestServer; place: PostgresPlace };
  beforeAll(async () => {
    parts.server = await startPostgres();
    parts.pooler = await startPgbouncer(parts.server, mode);
  }, 120_000);
  afterAll(async () => {
    await parts.pooler?.dispose();
    await parts.server?.dispose();
  });
  beforeEach(async () => {
    parts.place = await pooledPlace(parts.server.url, parts.pooler.port);
    return () => parts.place.dispose();
  });
  return parts;
}

described('a pooler', () => {
  const parts = behindPooler('transaction');

  it('whose server crashes during a write has no record quarantined or dropped for what it says', async () => {
    const { server, place } = parts;
    const store = new PostgresRecordStore({ url: place.url });
    const exporter = new BatchRecordExporter(store, { exportTimeoutMillis: 2_000 });
    const flush = () => exporter.forceFlush().catch(() => undefined);
    exporter.export(stepRecord());
    await flush();
    await place.query('begin; lock table execution_records in share mode');
    exporter.export(stepRecord());
    const inFlight = flush();
    const waiting = async () => {
      await place.query('select pg_stat_clear_snapshot()');
      const rows = await place.query("select pid from pg_stat_activity where wait_event_type = 'Lock'");
      return rows.map(({ pid }) => Number(pid));
    };
    let [backend] = await waiting();
    while (backend === undefined) [backend] = await waiting();
    // All the others end with it, and the server starts over by itself.
    process.kill(backend, 'SIGKILL');
    await inFlight;
    while (exporter.accounts().stored + exporter.accounts().quarantined < 2) await flush();
    expect(exporter.accounts()).toMatchObject({ created: 2, stored: 2, quarantined: 0, queued: 0 });
    await exporter.shutdown();
    expect(await rowsIn(server)).toBe(2);
  });

  it('that refuses a connection says why, and that somebody has to change a setting', async () => {
    const { place } = parts;
    const store = new PostgresRecordStore({ url: `${place.url}?options=-cgeqo%3Doff` });
    const error = await store.init().catch((reason: unknown) => reason);
    expect(error).toMatchObject({
      code: 'RUNLEDGER_POOLER_REFUSES',
      message: expect.stringContaining('unsupported startup parameter'),
    });
    expect(classifyError(error).errorClass).toBe('configuration');
    await store.close();
  });

  it('keeps the columns of two programs apart that write by the same backends', async () => {
    const { place } = parts;
    const stores = [0, 1].map(() => new PostgresRecordStore({ url: place.url, copy: false }));
    const shapes = [{ errorMessage: 'first' }, { skipReason: 'second' }, { tenant: 'third' }];
    for (const store of stores) await store.init();
    const told = new Map<string, object>();
    for (let turn = 0; turn < 12; turn++) {
      const shape = shapes[turn % shapes.length] ?? {};
      const record = stepRecord(shape);
      told.set(record.recordId, { errorMessage: null, skipReason: null, tenant: null, ...shape });
      // Backends take turns: in pairs each program comes to each of them.
      await stores[(turn >> 1) % stores.length]?.write([record]);
    }
    const rows = await place.records();
    const found = rows.map(({ record_id, error_message, skip_reason, tenant }) => [
      record_id,
      { errorMessage: error_message, skipReason: skip_reason, tenant },
    ]);
    expect(new Map(found as [string, object][])).toEqual(told);
    await Promise.all(stores.map((store) => store.close()));
  });
});

described('a pooler that pools by statement', () => {
  const parts = behindPooler('statement');

  it('is named as what is wrong, and nothing is taken for a record that is refused', async () => {
    const { server, place } = parts;
    const direct = new PostgresRecordStore({ url: server.url });
    await direct.init();
    await direct.close();
    for (const copy of [true, false]) {
      const store = new PostgresRecordStore({ url: place.url, copy });
      await store.init();
      const error = await store.write([stepRecord()]).catch((reason: unknown) => reason);
      expect(error).toMatchObject({
        code: 'RUNLEDGER_STATEMENT_POOLING',
        message: expect.stringContaining('pool_mode'),
      });
      expect(classifyError(error).errorClass).toBe('configuration');
      await store.close();
    }
    expect(await place.records()).toEqual([]);
    const reader = await openLedger(place.url);
    await expect(reader.query('select 1')).rejects.toMatchObject({
      code: 'LEDGER_UNREADABLE',
      message: expect.stringContaining('pool_mode'),
    });
    await reader.close();
  });
});

async function rowsIn(server: TestServer): Promise<number> {
  const reader = await openLedger(server.url);
  const { rows } = await reader.query('select count(*) from execution_records');
  await reader.close();
  return Number(rows[0]?.[0]);
}
