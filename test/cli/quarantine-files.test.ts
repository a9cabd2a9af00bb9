import { readdirSync, renameSync, truncateSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { runCli } from '../support/cli.ts';
import { stepRecord } from '../support/execution-records.ts';
import { createLedgerFile, type LedgerFile } from '../support/ledger-file.ts';
import { allowPoison, allowQuarantine, refusePoison, spoolingExporter } from '../support/refusing-ledger.ts';

const [first, second] = [stepRecord({ name: 'poison' }), stepRecord({ name: 'poison' })];
let ledger: LedgerFile;
let folder: string;

beforeEach(async () => {
  ledger = await createLedgerFile();
  folder = join(`${ledger.path}.spool`, 'quarantine');
  refusePoison(ledger.path);
  const exporter = spoolingExporter(ledger.path);
  for (const record of [first, stepRecord(), second]) exporter.export(record);
  await exporter.shutdown();
});
afterEach(() => ledger.remove());

const cli = (...args: string[]) => runCli([...args, '--ledger', ledger.path]);
const json = async (...args: string[]) => JSON.parse((await cli(...args, '--json')).stdout);
const account = async () => (await json('verify')).instances[0];
const files = () => readdirSync(folder).filter((name) => name.endsWith('.seg'));

describe('what the ledger did not quarantine', () => {
  it('is listed and shown from its files, and missed by nobody', async () => {
    expect((await cli('quarantine')).stdout).toMatch(/SQLITE_CONSTRAINT\s+file\s+step poison/);
    const { quarantined } = await json('quarantine', 'show', second.recordId);
    expect(quarantined).toMatchObject([
      {
        record_id: second.recordId,
        seq: 3,
        file: expect.stringContaining(folder),
        record: { name: 'poison' },
      },
    ]);
    expect(await account()).toMatchObject({ stored: 1, quarantined: 2, lost: 0, missing: 0, losses: [] });
    const { checks } = await json('doctor');
    expect(checks).toContainEqual(
      expect.objectContaining({
        name: 'ledger-quarantine',
        status: 'warn',
        message: expect.stringContaining('2 of them in files'),
      }),
    );
  });

  it('stays when it is replayed in vain, and goes when it is stored', async () => {
    const { exitCode, stderr } = await cli('quarantine', 'replay', '--all');
    expect({ exitCode, stderr }).toEqual({ exitCode: 1, stderr: expect.stringContaining('refused') });
    expect(files()).toHaveLength(2);
    allowPoison(ledger.path);
    expect(await json('quarantine', 'replay', '--all')).toMatchObject({ stored: 2, refused: [] });
    expect(files()).toEqual([]);
    expect(await account()).toMatchObject({ stored: 3, quarantined: 0, lost: 0, missing: 0 });
    expect(await json('quarantine')).toMatchObject({ quarantined: [], elsewhere: [] });
  });

  it('counts as lost when it is dropped', async () => {
    expect(await json('quarantine', 'drop', first.recordId)).toMatchObject({ dropped: 1 });
    expect(files()).toHaveLength(1);
    expect(await account()).toMatchObject({
      ...{ stored: 1, quarantined: 1, lost: 1, missing: 0 },
      losses: [{ reason: 'quarantine_dropped', records: 1, first_seq: 1, last_seq: 1 }],
    });
  });

  it('comes into the ledger with the first command, once that is allowed, and can be dropped from there', async () => {
    expect(await json('recover')).toMatchObject({ quarantined: 0, brought_in: 0 });
    allowQuarantine(ledger.path);
    const { stderr } = await cli('recover');
    expect(stderr).toContain('2 are in quarantine');
    const { quarantined } = await json('quarantine');
    expect(quarantined.map(({ file }: { file: unknown }) => file)).toEqual([null, null]);
    expect(files()).toEqual([]);
    expect(await account()).toMatchObject({ stored: 1, quarantined: 2, lost: 0, missing: 0 });
    expect(await json('quarantine', 'drop', '--all')).toMatchObject({ dropped: 2 });
    expect(await account()).toMatchObject({ stored: 1, quarantined: 0, lost: 2, missing: 0 });
  });

  it('can be dropped, but not replayed, where its file is damaged', async () => {
    const [name = ''] = files();
    truncateSync(join(folder, name), 40);
    allowPoison(ledger.path);
    const { stored, refused } = await json('quarantine', 'replay', '--all');
    expect({ stored, refused }).toEqual({
      stored: 1,
      refused: [{ record_id: first.recordId, reason: 'what is kept of it is no record' }],
    });
    expect((await cli('quarantine')).stdout).toContain('damaged file');
    expect(await json('quarantine', 'drop', '--all')).toMatchObject({ dropped: 1 });
    expect(await account()).toMatchObject({ stored: 2, quarantined: 0, lost: 1, missing: 0 });
  });

  it('is said to be elsewhere where its files are', async () => {
    renameSync(`${ledger.path}.spool`, `${ledger.path}.other`);
    expect((await cli('quarantine')).stderr).toContain('2 are in files beside the spool on host-1');
    expect(await json('quarantine')).toMatchObject({
      quarantined: [],
      elsewhere: [{ host: 'host-1', records: 2 }],
    });
  });
});
