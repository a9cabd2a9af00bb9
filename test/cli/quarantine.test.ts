import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { SqliteRecordStore } from '../../src/store/sql/sqlite-record-store.ts';
import { runCli } from '../support/cli.ts';
import { stepRecord, TEST_INSTANCE_ID } from '../support/execution-records.ts';
import { createLedgerFile, type LedgerFile } from '../support/ledger-file.ts';

/** Two records of an instance that numbered three: one stored, one refused, one nobody knows of. */
const [stored, refused] = [
  { ...stepRecord({ name: 'stored' }), seq: 1 },
  { ...stepRecord({ name: 'refused' }), seq: 2 },
];
const instance = {
  instanceId: TEST_INSTANCE_ID,
  serviceName: 'orders',
  host: 'host-1',
  pid: 4242,
  durability: 'process',
  startedAt: 1,
  heartbeatAt: 2,
  endedAt: 2,
  lastSeq: 3,
  sampledOut: 0,
} as const;

let ledger: LedgerFile;
beforeEach(async () => {
  ledger = await createLedgerFile();
  const store = new SqliteRecordStore({ path: ledger.path });
  await store.init();
  await store.write([stored], { instances: [instance], losses: [] });
  await store.quarantine([{ record: refused, reason: 'SQLITE_CONSTRAINT' }]);
  await store.close();
});
afterEach(() => ledger.remove());

const cli = (...args: string[]) => runCli([...args, '--ledger', ledger.path]);
const json = async (...args: string[]) => JSON.parse((await cli(...args, '--json')).stdout);
const account = async () => (await json('verify')).instances[0];

describe('quarantine', () => {
  it('is listed and shown with the reason and the record', async () => {
    expect((await cli('quarantine')).stdout).toMatch(/SQLITE_CONSTRAINT\s+ledger\s+step refused/);
    const { quarantined } = await json('quarantine', 'show', refused.recordId.slice(0, 20));
    expect(quarantined).toMatchObject([{ record_id: refused.recordId, seq: 2, record: { name: 'refused' } }]);
  });

  it('replays what the store takes now', async () => {
    expect(await json('quarantine', 'replay', '--all')).toMatchObject({ stored: 1, refused: [] });
    expect(await json('quarantine')).toMatchObject({ quarantined: [] });
    expect(await account()).toMatchObject({ stored: 2, quarantined: 0, missing: 1 });
  });

  it('counts what is dropped from it as lost, with the reason', async () => {
    expect(await json('quarantine', 'drop', refused.recordId)).toMatchObject({ dropped: 1 });
    expect(await account()).toMatchObject({
      ...{ stored: 1, quarantined: 0, lost: 1, missing: 1 },
      losses: [{ reason: 'quarantine_dropped', records: 1, first_seq: 2, last_seq: 2 }],
    });
  });

  it.each([
    [['quarantine', 'replay'], 'say which: record ids, or --all'],
    [['quarantine', 'drop', 'ffff'], 'no record in quarantine begins with ffff'],
  ])('refuses %j', async (args, message) => {
    const { exitCode, stderr } = await cli(...args);
    expect({ exitCode, stderr }).toEqual({ exitCode: 1, stderr: expect.stringContaining(message) });
  });
});

describe('verify', () => {
  it('fails where a process that has ended numbered more records than there are', async () => {
    const { exitCode, stdout } = await cli('verify');
    expect(exitCode).toBe(1);
    expect(stdout).toMatch(/orders 4242@host-1\s+ended\s+3\s+1\s+0\s+1\s+0\s+1\s+nobody knows/);
    expect(stdout).toContain('1 MISSING from 1');
  });
});
