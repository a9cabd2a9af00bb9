import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { bringIn } from '../../src/export/bring-in.ts';
import { QuarantineFolder } from '../../src/spool/quarantine-folder.ts';
import type { QuarantinedRecord } from '../../src/store/record-store.ts';
import { SqliteRecordStore } from '../../src/store/sql/sqlite-record-store.ts';
import { stepRecord } from '../support/execution-records.ts';
import { createLedgerFile, type LedgerFile } from '../support/ledger-file.ts';
import { changeFile, rowsIn } from '../support/sqlite-files.ts';

let ledger: LedgerFile;
let store: SqliteRecordStore;
let folder: QuarantineFolder;

beforeEach(async () => {
  ledger = await createLedgerFile();
  store = new SqliteRecordStore({ path: ledger.path });
  await store.init();
  folder = new QuarantineFolder(`${ledger.path}.spool`);
});
afterEach(async () => {
  await store.close();
  await ledger.remove();
});

const refused = (count: number, reason: string): readonly QuarantinedRecord[] =>
  Array.from({ length: count }, () => ({ record: stepRecord(), reason }));
const bring = () =>
  bringIn(
    folder,
    {
      quarantine: (records) => store.quarantine(records),
      tell: (losses) => store.write([], { instances: [], losses }),
    },
    new Set(),
  );
const held = () => rowsIn(ledger.path, 'select count(*) as held from record_quarantine')[0]?.held;

describe('what is in files of the quarantine', () => {
  it('is brought in by the hundred', async () => {
    await folder.keep(refused(250, 'x'));
    expect(await bring()).toEqual({ records: 250, staying: 0 });
    expect([held(), folder.isEmpty]).toEqual([250, true]);
  });

  it('is not kept out by what is never taken, however much that is', async () => {
    const refuseSome = `create trigger refuse_some before insert on record_quarantine
      when new.reason = 'never' begin select raise(abort, 'refused'); end`;
    changeFile(ledger.path, refuseSome);
    await folder.keep([...refused(120, 'never'), ...refused(20, 'x')]);
    // Where it begins is drawn.
    for (let tries = 0; tries < 10 && held() !== 20; tries++) await bring();
    expect([held(), (await folder.list()).length]).toEqual([20, 120]);
    expect(rowsIn(ledger.path, 'select sum(records) as kept from record_losses')).toEqual([{ kept: 120 }]);
  });

  it('stays while the store is closed', async () => {
    await folder.keep(refused(2, 'x'));
    await store.close();
    await expect(bring()).rejects.toThrow(/closed/);
    expect((await folder.list()).length).toBe(2);
  });
});
