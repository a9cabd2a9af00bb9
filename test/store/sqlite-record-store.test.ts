import { execFileSync } from 'node:child_process';
import { chmod, mkdir, rm, stat, writeFile } from 'node:fs/promises';
import { DatabaseSync } from 'node:sqlite';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { ExecutionRecord } from '../../src/records/execution-record.ts';
import type { RetentionPolicy } from '../../src/store/record-store.ts';
import { SqliteRecordStore } from '../../src/store/sql/sqlite-record-store.ts';
import { failure, runRecord, stepRecord, TEST_EPOCH_MS } from '../support/execution-records.ts';
import { runNode } from '../support/node-process.ts';
import { recordsIn, rowsIn, temporaryDirectory } from '../support/sqlite-files.ts';

const SQLITE_FULL = 13;
const SQLITE_NOTADB = 26;
const DAY_MS = 86_400_000;

describe('SqliteRecordStore', () => {
  let directory: string;
  let path: string;
  const stores: SqliteRecordStore[] = [];

  beforeEach(async () => {
    directory = await temporaryDirectory();
    path = `${directory}/state/ledger.db`;
  });
  afterEach(async () => {
    await Promise.all(stores.splice(0).map((store) => store.close()));
    await rm(directory, { recursive: true });
  });

  async function openStore(now: () => number = Date.now): Promise<SqliteRecordStore> {
    const store = new SqliteRecordStore({ path, now, busyTimeoutMs: 500 });
    stores.push(store);
    await store.init();
    return store;
  }

  /** Changes the file past the store. */
  function alter(sql: string): void {
    const connection = new DatabaseSync(path);
    connection.exec(sql);
    connection.close();
  }

  describe('the file', () => {
    it('can be read by its owner alone, and its journal too', async () => {
      const store = await openStore();
      await store.write([stepRecord()]);
      expect((await stat(`${directory}/state`)).mode & 0o777).toBe(0o700);
      expect((await stat(path)).mode & 0o777).toBe(0o600);
      expect((await stat(`${path}-wal`)).mode & 0o777).toBe(0o600);
    });

    it('is in WAL mode and gives pages back', async () => {
      await openStore();
      expect(rowsIn(path, 'pragma journal_mode')).toEqual([{ journal_mode: 'wal' }]);
      expect(rowsIn(path, 'pragma auto_vacuum')).toEqual([{ auto_vacuum: 2 }]);
    });

    it.each(['', ':memory:'])('can not be %p', (unusable) => {
      expect(() => new SqliteRecordStore({ path: unusable })).toThrow(TypeError);
    });
  });

  describe('the schema', () => {
    it('takes records where a newer version has added to it', async () => {
      await (await openStore()).close();
      alter(`alter table execution_records add column tomorrow text not null default 'x';
        create table later (id integer);
        insert into runledger_migrations values ('9999_tomorrow', 1)`);
      const store = await openStore();
      await store.write([stepRecord()]);
      expect(rowsIn(path, 'select tomorrow from execution_records')).toEqual([{ tomorrow: 'x' }]);
      expect(rowsIn(path, 'select count(*) as count from runledger_migrations')).toEqual([{ count: 2 }]);
    });

    it('is refused with a clear error where a record can not fit', async () => {
      await (await openStore()).close();
      alter('alter table execution_records drop column output');
      await expect(openStore()).rejects.toMatchObject({
        code: 'RUNLEDGER_SCHEMA_MISMATCH',
        message: expect.stringContaining('it has no column output'),
      });
    });

    it('is made again by the next init when its table was dropped', async () => {
      const store = await openStore();
      alter('drop table execution_records');
      const batch = [stepRecord()];
      await expect(store.write(batch)).rejects.toMatchObject({ code: 'ERR_SQLITE_ERROR', errcode: 1 });
      await store.init();
      await store.write(batch);
      expect(recordsIn(path)).toHaveLength(1);
    });
  });

  describe('when something is wrong', () => {
    it('rejects a file that is no database', async () => {
      await mkdir(`${directory}/state`);
      await writeFile(path, 'not a database, but long enough to be looked at'.repeat(100));
      await expect(openStore()).rejects.toMatchObject({ code: 'ERR_SQLITE_ERROR', errcode: SQLITE_NOTADB });
    });

    (canMountTmpfs() ? it : it.skip)('rejects while the disk is full, and goes on when it is not', () => {
      const script = fileURLToPath(new URL('./fixtures/fill-disk.ts', import.meta.url));
      const stdout = inMountNamespace(
        'mount -t tmpfs -o size=3m tmpfs "$1" && exec "$2" "$3" "$1"',
        directory,
        process.execPath,
        script,
      );
      expect(JSON.parse(stdout)).toEqual({
        code: 'ERR_SQLITE_ERROR',
        errcode: SQLITE_FULL,
        isComplete: true,
      });
    });

    it('makes a new file where its own was removed', async () => {
      const store = await openStore();
      await store.write([stepRecord()]);
      await rm(`${directory}/state`, { recursive: true });
      const after = stepRecord();
      await store.write([after]);
      expect(recordsIn(path).map((row) => row.record_id)).toEqual([after.recordId]);
    });

    it('says that a record can not be copied, and stores the others', async () => {
      const store = await openStore();
      const refused = store.write([stepRecord({ attributes: (() => '') as never })]);
      await expect(refused).rejects.toMatchObject({ name: 'DataCloneError' });
      await store.write([stepRecord()]);
      expect(recordsIn(path)).toHaveLength(1);
    });

    it('rejects a directory it may not write', async () => {
      // Modes do not hold root back; a file system mounted read-only does.
      if (process.getuid?.() === 0) {
        const mounted = 'mount -t tmpfs -o ro tmpfs "$1" && exec "$2" "$3" "$1"';
        const script = fileURLToPath(new URL('./fixtures/open-store.ts', import.meta.url));
        expect(inMountNamespace(mounted, directory, process.execPath, script)).toBe('EROFS');
        return;
      }
      await chmod(directory, 0o500);
      expect((await runNode('store/fixtures/open-store.ts', [directory])).stdout).toBe('EACCES');
      await chmod(directory, 0o700);
    });

    it('rejects a path below a file, with the code of the system', async () => {
      await writeFile(`${directory}/state`, '');
      await expect(openStore()).rejects.toMatchObject({ code: expect.stringMatching(/^(ENOTDIR|EEXIST)$/) });
    });

    it('rejects a write before it was opened', async () => {
      const store = new SqliteRecordStore({ path });
      await expect(store.write([stepRecord()])).rejects.toMatchObject({ code: 'RUNLEDGER_STORE_NOT_OPEN' });
      await store.close();
    });
  });

  it('stores a megabyte of text, with synchronous full too', async () => {
    const store = new SqliteRecordStore({ path, synchronous: 'full' });
    stores.push(store);
    await store.init();
    await store.write([stepRecord({ output: 'x'.repeat(1_000_000) })]);
    expect(recordsIn(path)[0]?.output).toHaveLength(1_000_000);
  });

  describe('retention', () => {
    const policy: RetentionPolicy = { maxAgeMs: DAY_MS, failedMaxAgeMs: 2 * DAY_MS, maxBytes: 2 ** 40 };

    it('gives the disk its space back while records go on being written', async () => {
      const store = await openStore(() => TEST_EPOCH_MS + 1.5 * DAY_MS);
      const runs = Array.from({ length: 300 }, (_, index) => runRecord({ startedAt: TEST_EPOCH_MS + index }));
      const steps = runs.flatMap((run) =>
        Array.from({ length: 10 }, () =>
          stepRecord({
            startedAt: run.startedAt,
            runId: run.runId,
            parentRecordId: run.recordId,
            attributes: 'x'.repeat(2_000),
          }),
        ),
      );
      const failed = runRecord({ startedAt: TEST_EPOCH_MS, ...failure() });
      await store.write([...runs, ...steps, failed]);
      const young = stepRecord({ startedAt: TEST_EPOCH_MS + DAY_MS });
      const [report] = await Promise.all([store.prune(policy), store.write([young])]);
      expect(report).toMatchObject({ removedByAge: 3_300, removedBySize: 0 });
      expect(recordsIn(path).map((row) => row.record_id)).toEqual([failed.recordId, young.recordId]);
      expect(report.bytesBefore).toBeGreaterThan(6_000_000);
      expect(report.bytesAfter).toBeLessThan(200_000);
      expect((await stat(path)).size).toBeLessThan(200_000);
    });

    it('takes or leaves a run of many batches whole', async () => {
      const store = await openStore(() => TEST_EPOCH_MS + 1.5 * DAY_MS);
      const runOf = (root: ExecutionRecord): readonly ExecutionRecord[] => [
        root,
        ...Array.from({ length: 2_500 }, () =>
          stepRecord({ startedAt: root.startedAt, runId: root.runId, parentRecordId: root.recordId }),
        ),
      ];
      const failed = runOf(runRecord({ startedAt: TEST_EPOCH_MS, ...failure() }));
      await store.write([...runOf(runRecord({ startedAt: TEST_EPOCH_MS })), ...failed]);
      expect(await store.prune(policy)).toMatchObject({ removedByAge: 2_501 });
      expect(recordsIn(path).map((row) => row.record_id)).toEqual(
        failed.map((record) => record.recordId).sort(),
      );
      expect(await store.prune({ ...policy, maxBytes: 0 })).toMatchObject({ removedBySize: 2_501 });
    });

    it('ends early and in good order when the store is closed meanwhile', async () => {
      const store = await openStore(() => TEST_EPOCH_MS + 3 * DAY_MS);
      await store.write(Array.from({ length: 3_000 }, () => stepRecord()));
      const pruned = store.prune(policy);
      await store.close();
      expect((await pruned).removedByAge).toBeLessThanOrEqual(3_000);
      expect(rowsIn(path, 'pragma integrity_check')).toEqual([{ integrity_check: 'ok' }]);
    });
  });

  describe('its thread', () => {
    it('does not keep the process open, and is waited for while a write is under way', async () => {
      const { exitCode, stderr } = await runNode('store/fixtures/start-and-leave.ts', [path]);
      expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' });
      expect(recordsIn(path)).toHaveLength(1);
    });

    it('runs nothing of what the application preloads', async () => {
      const preload = fileURLToPath(new URL('./fixtures/preload.mjs', import.meta.url));
      const { stdout } = await runNode('store/fixtures/start-and-leave.ts', [path], {
        NODE_OPTIONS: `--import ${preload}`,
      });
      expect(stdout).toBe('[preload main]');
      expect(recordsIn(path)).toHaveLength(1);
    });
  });

  it('interrupts all that a dead process has left running, however much that is', async () => {
    const store = await openStore();
    const count = 50_100;
    const instance = {
      instanceId: 'dead',
      serviceName: 'shop',
      serviceVersion: undefined,
      host: 'host-1',
      pid: 4_242,
      durability: 'process',
      startedAt: TEST_EPOCH_MS,
      heartbeatAt: TEST_EPOCH_MS,
      endedAt: undefined,
      lastSeq: 0,
      sampledOut: 0,
    } as const;
    const running = Array.from({ length: count }, () =>
      runRecord({ instanceId: 'dead', seq: 0, rev: 0, state: 'running', outcome: undefined }),
    );
    await store.write(running, { instances: [instance], losses: [] });
    expect(await store.interrupt(['dead'], 0)).toBe(count);
    expect(await store.interrupt(['dead'], 0)).toBe(0);
  }, 60_000);

  it('starts a new thread with the next init when its thread was lost', async () => {
    const { stdout, stderr } = await runNode('store/fixtures/lose-thread.ts', [path]);
    expect(stderr).toBe('');
    const lost = 'ERR_WORKER_NOT_RUNNING';
    expect(JSON.parse(stdout)).toEqual({ pending: lost, next: lost, again: 'stored', threads: 2 });
    expect(recordsIn(path)).toHaveLength(1);
  });

  it('loads no kysely and no SQLite into the application', async () => {
    const { exitCode, stdout } = await runNode('store/fixtures/loaded-modules.ts', [path]);
    expect(exitCode).toBe(0);
    expect(JSON.parse(stdout)).toEqual([]);
  });
});

/** Runs a shell script that may mount file systems nobody else sees. */
function inMountNamespace(script: string, ...args: readonly string[]): string {
  const command = ['--user', '--map-root-user', '--mount', 'sh', '-c', script, 'sh', ...args];
  return execFileSync('unshare', command, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] });
}

function canMountTmpfs(): boolean {
  try {
    inMountNamespace('mount -t tmpfs tmpfs /tmp');
    return true;
  } catch {
    return false;
  }
}
