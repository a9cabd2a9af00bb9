import { once } from 'node:events';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { BatchRecordExporter } from '../../src/export/batch-record-exporter.ts';
import { classifyError } from '../../src/export/error-classes.ts';
import type { ExecutionRecord } from '../../src/records/execution-record.ts';
import { SpoolRecordQueue } from '../../src/spool/spool-record-queue.ts';
import type { RecordStore } from '../../src/store/record-store.ts';
import { instance, stepRecord } from '../support/execution-records.ts';
import { runNode, startNode } from '../support/node-process.ts';
import type { TestServer } from '../support/server-process.ts';

/** One kind of server, and how a test gets at it past the store. */
export interface FaultyServer {
  readonly name: string;
  readonly isInstalled: boolean;
  start(): Promise<TestServer>;
  place(url: string): Promise<FaultyPlace>;
  open(options: { readonly url: string; readonly queryTimeoutMillis?: number }): RecordStore;
}

/** A ledger's place on the server. */
export interface FaultyPlace {
  readonly url: string;
  ids(): Promise<readonly string[]>;
  /** Ends the connections of stores. Returns how many there were. */
  killConnections(): Promise<number>;
  /** Connections of stores on which the server waits for a lock. */
  waiting(): Promise<number>;
  /** Has every insert into a table wait, until what it resolves to is called. */
  lock(table: string): Promise<() => Promise<void>>;
  query(text: string): Promise<Record<string, unknown>[]>;
  dispose(): Promise<void>;
}

/** What a store on a server survives. */
export function describeServerFaults(subject: FaultyServer): void {
  (subject.isInstalled ? describe : describe.skip)(`a store on ${subject.name}`, () => {
    let server: TestServer;
    let place: FaultyPlace;
    const stores: RecordStore[] = [];

    beforeAll(async () => {
      server = await subject.start();
    }, 120_000);
    afterAll(() => server?.dispose());
    beforeEach(async () => {
      place = await subject.place(server.url);
      return async () => {
        await Promise.all(stores.splice(0).map((store) => store.close()));
        await place.dispose();
      };
    });

    async function opened(options: { readonly queryTimeoutMillis?: number } = {}): Promise<RecordStore> {
      const store = subject.open({ url: place.url, ...options });
      stores.push(store);
      await store.init();
      return store;
    }

    const batch = (size = 3): readonly ExecutionRecord[] => Array.from({ length: size }, () => stepRecord());
    const idsOf = (...batches: (readonly ExecutionRecord[])[]): readonly string[] =>
      batches
        .flat()
        .map(({ recordId }) => recordId)
        .sort();

    /** Writes as the exporter does: again, until the store takes it; every error has to be a passing one. */
    async function deliver(
      store: RecordStore,
      records: readonly ExecutionRecord[],
    ): Promise<readonly string[]> {
      const codes: string[] = [];
      for (;;) {
        try {
          await store.init();
          await store.write(records);
          return codes;
        } catch (error) {
          const { errorClass, code } = classifyError(error);
          expect([code, errorClass, String(error)]).toEqual([code, 'transient', expect.anything()]);
          codes.push(code);
          await new Promise((resolve) => setTimeout(resolve, 100));
        }
      }
    }

    it('whose idle connections are ended', async () => {
      const store = await opened();
      const [first, second] = [batch(), batch()];
      await store.write(first);
      expect(await place.killConnections()).toBeGreaterThan(0);
      await deliver(store, second);
      expect(await place.ids()).toEqual(idsOf(first, second));
    });

    it('whose connection is ended during a write', async () => {
      const store = await opened();
      await store.write(batch(1));
      const unlock = await place.lock('execution_records');
      const records = batch();
      const write = store.write(records).then(
        () => undefined,
        (error: unknown) => error,
      );
      while ((await place.killConnections()) === 0);
      const error = await write;
      expect(classifyError(error).errorClass).toBe('transient');
      await unlock();
      await deliver(store, records);
      expect(await place.ids()).toEqual(expect.arrayContaining([...idsOf(records)]));
      expect(await place.ids()).toHaveLength(4);
    });

    it('that hangs: the write ends in time, its outcome is unknown, and the rows are there once', async () => {
      const store = await opened({ queryTimeoutMillis: 1_000 });
      const records = batch();
      await store.write(batch(1));
      const unlock = await place.lock('execution_records');
      await expect(store.write(records)).rejects.toMatchObject({ code: 'ETIMEDOUT' });
      await unlock();
      await deliver(store, records);
      await store.write(records);
      expect(await place.ids()).toHaveLength(4);
    });

    it('that has everybody wait: what was given up does not go on waiting there', async () => {
      const store = await opened({ queryTimeoutMillis: 500 });
      await store.write(batch(1));
      const unlock = await place.lock('execution_records');
      for (let tries = 0; tries < 4; tries++) {
        await expect(store.write(batch())).rejects.toMatchObject({ code: 'ETIMEDOUT' });
      }
      const deadline = performance.now() + 10_000;
      while ((await place.waiting()) > 0 && performance.now() < deadline) {
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
      expect(await place.waiting()).toBe(0);
      await unlock();
    });

    it('that is stopped with SIGSTOP and goes on', async () => {
      const store = await opened({ queryTimeoutMillis: 1_000 });
      await store.write(batch(1));
      const records = batch();
      const pids = await childrenOf(server.pid);
      for (const pid of pids) process.kill(pid, 'SIGSTOP');
      try {
        await expect(store.write(records)).rejects.toMatchObject({ code: 'ETIMEDOUT' });
      } finally {
        for (const pid of pids) process.kill(pid, 'SIGCONT');
      }
      await deliver(store, records);
      expect(await place.ids()).toHaveLength(4);
    });

    it('that loses a client unheard in the middle of a transaction gives up its locks', async () => {
      const store = await opened({ queryTimeoutMillis: 2_000 });
      const record = stepRecord();
      await store.write([], { instances: [instance({ instanceId: 'gone' })], losses: [] });
      const unlock = await place.lock('ledger_instances');
      const child = startNode('store/fixtures/write-accounted.ts', [place.url, record.recordId, 'gone']);
      try {
        while ((await place.waiting()) === 0) expect(child.exitCode).toBeNull();
        // The server's answer is the last it could have heard.
        child.kill('SIGSTOP');
        await unlock();
        expect(await deliver(store, [record])).toContain('ETIMEDOUT');
        expect(await place.ids()).toEqual([record.recordId]);
      } finally {
        child.kill('SIGKILL');
      }
    });

    it('that goes down and comes back', async () => {
      const store = await opened();
      const [first, second] = [batch(), batch()];
      await store.write(first);
      const pids = await childrenOf(server.pid);
      await server.stop('SIGKILL');
      // One that has not noticed yet would go on serving.
      for (const pid of pids) {
        try {
          process.kill(pid, 'SIGKILL');
        } catch {
          // It has.
        }
      }
      const refusal = await store.write(second).then(
        () => 'stored',
        (error: unknown) => error,
      );
      expect([refusal, classifyError(refusal)]).toMatchObject([{}, { errorClass: 'transient' }]);
      await server.start();
      await deliver(store, second);
      place = await subject.place(server.url).then((again) => ({ ...again, ids: place.ids }));
      const reader = subject.open({ url: place.url });
      await reader.close();
    });

    it('where something a server can not keep is in a batch', async () => {
      const store = await opened();
      const hostile = stepRecord({
        name: 'a\0b\ud800c',
        errorMessage: 'x'.repeat(2_000_000),
        workUnits: Number.NaN,
        waitMs: Number.POSITIVE_INFINITY,
        durationMs: 0.1 + 0.2,
      });
      const records = [...batch(), hostile, ...batch()];
      await store.write(records);
      // The way of known keys too.
      await store.write(records.map((record) => ({ ...record, rev: record.rev + 1 })));
      const rows = await place.query(
        `select name, rev, work_units, wait_ms, duration_ms, started_at from execution_records where record_id = '${hostile.recordId}'`,
      );
      expect(rows).toEqual([
        {
          name: 'a\ufffdb\ufffdc',
          rev: 2,
          work_units: null,
          wait_ms: null,
          duration_ms: 0.1 + 0.2,
          started_at: hostile.startedAt,
        },
      ]);
      expect(await place.ids()).toHaveLength(7);
    });

    it('whose quarantine is out of reach keeps what it refuses in files, and has it once it is not', async () => {
      const directory = await mkdtemp(join(tmpdir(), 'runledger-quarantine-'));
      const open = async () => {
        const store = await opened();
        return new BatchRecordExporter(
          store,
          {},
          (owner, onDrop) => new SpoolRecordQueue({ ...owner, directory }, onDrop),
        );
      };
      const balances = () =>
        place.query(
          'select stored_records, quarantined, lost, missing from lost_records order by started_at',
        );
      const files = async () =>
        (await readdir(join(directory, 'quarantine'))).filter((name) => /seg$/.test(name));
      try {
        const first = await open();
        await place.query("alter table execution_records add constraint no_poison check (name <> 'poison')");
        await place.query('alter table record_quarantine rename to out_of_reach');
        for (const name of ['poison', 'fine', 'poison']) first.export(stepRecord({ name }));
        await first.forceFlush();
        expect(first.accounts()).toMatchObject({ created: 3, stored: 1, quarantined: 2, queued: 0 });
        await first.shutdown();
        expect(await files()).toHaveLength(2);
        await place.query('alter table out_of_reach rename to record_quarantine');
        expect(await balances()).toEqual([{ stored_records: 1, quarantined: 2, lost: 0, missing: 0 }]);
        const next = await open();
        next.export(stepRecord());
        while ((await files()).length > 0) await new Promise((resolve) => setTimeout(resolve, 50));
        await next.shutdown();
        expect(await place.query('select count(*) as held from record_quarantine')).toEqual([{ held: 2 }]);
        expect(await balances()).toEqual([
          { stored_records: 1, quarantined: 2, lost: 0, missing: 0 },
          { stored_records: 1, quarantined: 0, lost: 0, missing: 0 },
        ]);
      } finally {
        await rm(directory, { recursive: true });
      }
    });

    it('where eight processes begin at once', async () => {
      const names = Array.from({ length: 8 }, (_, index) => `p${index}`);
      const ends = await Promise.all(
        names.map((name) => runNode('store/fixtures/migrate-server.ts', [place.url, name, '3'])),
      );
      expect(ends).toEqual(names.map(() => ({ exitCode: 0, stdout: 'written', stderr: '' })));
      expect(await place.ids()).toHaveLength(24);
    });

    it('that has another version’s columns', async () => {
      await (await opened()).close();
      await place.query(`alter table execution_records add column tomorrow varchar(10) not null default 'x'`);
      await place.query(`insert into runledger_migrations values ('9999_tomorrow', 1)`);
      await (await opened()).write(batch(1));
      expect(await place.query('select tomorrow from execution_records')).toEqual([{ tomorrow: 'x' }]);
      await place.query(
        'alter table execution_records add column demanded varchar(10) not null default ?'.replace(
          ' default ?',
          " default 'x'",
        ),
      );
      await place.query('alter table execution_records alter column demanded drop default');
      await expect(opened()).rejects.toMatchObject({
        code: 'RUNLEDGER_SCHEMA_MISMATCH',
        message: expect.stringContaining('it demands a column demanded'),
      });
    });

    it('and does not hold a process that a signal ends, nor one that has nothing to do', async () => {
      const child = startNode('store/fixtures/idle-server.ts', [place.url]);
      let hasWritten = false;
      child.stdout.on('data', () => {
        hasWritten = true;
        child.kill('SIGTERM');
      });
      const [, signal] = await once(child, 'exit');
      expect({ signal, hasWritten }).toEqual({ signal: 'SIGTERM', hasWritten: true });
      const left = await runNode('store/fixtures/idle-server.ts', [place.url, 'leave']);
      expect(left).toEqual({ exitCode: 0, stdout: 'written', stderr: '' });
    });
  });
}

/** A server’s processes, the first of all in front. */
async function childrenOf(pid: number): Promise<readonly number[]> {
  const { readFile } = await import('node:fs/promises');
  const text = await readFile(`/proc/${pid}/task/${pid}/children`, 'utf8').catch(() => '');
  return [
    pid,
    ...text
      .split(' ')
      .filter((part) => part !== '')
      .map(Number),
  ];
}
