import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { DiagLogLevel, diag } from '@opentelemetry/api';
import type { BatchRecordExporter } from '../../src/export/batch-record-exporter.ts';
import type { SpoolOptions } from '../../src/spool/spool-options.ts';
import { stepRecord } from '../support/execution-records.ts';
import { createLedgerFile, type LedgerFile } from '../support/ledger-file.ts';
import { unaccounted } from '../support/record-accounts.ts';
import { allowQuarantine, refusePoison, spoolingExporter } from '../support/refusing-ledger.ts';
import { quarantinedIn, rowsIn } from '../support/sqlite-files.ts';

let ledger: LedgerFile;
let folder: string;
const open: BatchRecordExporter[] = [];

beforeEach(async () => {
  ledger = await createLedgerFile();
  folder = join(`${ledger.path}.spool`, 'quarantine');
  refusePoison(ledger.path);
});
afterEach(async () => {
  for (const exporter of open.splice(0)) await exporter.shutdown();
  await ledger.remove();
});

function start(options: Partial<SpoolOptions> = {}): BatchRecordExporter {
  const exporter = spoolingExporter(ledger.path, options);
  open.push(exporter);
  return exporter;
}

/** Two records the ledger refuses and refuses to quarantine, and one it takes. */
async function exportPoison(exporter: BatchRecordExporter): Promise<void> {
  for (const name of ['poison', 'fine', 'poison']) exporter.export(stepRecord({ name }));
  await exporter.forceFlush();
}

const files = () => readdirSync(folder).filter((name) => name.endsWith('.seg'));
const balances = () =>
  rowsIn(ledger.path, 'select last_seq, stored_records, quarantined, lost, missing from lost_records');

describe('records that neither the ledger nor its quarantine takes', () => {
  it('are kept in files, which only their owner may read, and count as quarantined here and in SQL', async () => {
    const exporter = start();
    await exportPoison(exporter);
    expect(files()).toHaveLength(2);
    for (const name of files()) expect(statSync(join(folder, name)).mode & 0o777).toBe(0o600);
    expect(statSync(folder).mode & 0o777).toBe(0o700);
    expect(exporter.accounts()).toMatchObject({ created: 3, stored: 1, quarantined: 2, queued: 0 });
    expect(unaccounted(exporter.accounts())).toBe(0);
    expect(await exporter.shutdown()).toMatchObject({ left: 0, dropped: 0 });
    expect(balances()).toEqual([{ last_seq: 3, stored_records: 1, quarantined: 2, lost: 0, missing: 0 }]);
    expect(readdirSync(`${ledger.path}.spool`)).toEqual(['quarantine']);
  });

  it('are brought into its quarantine by the next process, once it takes them', async () => {
    const first = start();
    await exportPoison(first);
    await first.shutdown();
    allowQuarantine(ledger.path);
    const next = start();
    next.export(stepRecord());
    while (files().length > 0) await sleep(50);
    await next.shutdown();
    expect(quarantinedIn(ledger.path).map(([, reason]) => reason)).toEqual([
      'SQLITE_CONSTRAINT',
      'SQLITE_CONSTRAINT',
    ]);
    expect(balances()).toEqual([
      { last_seq: 3, stored_records: 1, quarantined: 2, lost: 0, missing: 0 },
      { last_seq: 1, stored_records: 1, quarantined: 0, lost: 0, missing: 0 },
    ]);
  });

  it('are said to be there in one line, which says where and what to do', async () => {
    const lines: string[] = [];
    const note = (line: string) => lines.push(line);
    const logger = { error: note, warn: note, info: () => {}, debug: () => {}, verbose: () => {} };
    diag.setLogger(logger, { logLevel: DiagLogLevel.WARN, suppressOverrideMessage: true });
    try {
      const exporter = start();
      for (const _ of [1, 2]) await exportPoison(exporter);
    } finally {
      diag.disable();
    }
    expect(lines).toEqual([
      `runledger: sqlite ${ledger.path} does not quarantine what it refuses (SQLITE_CONSTRAINT): it is kept in ${folder}; check the rights to record_quarantine`,
    ]);
  });

  it('are told to the ledger by whoever finds the files, where their process did not get to it', async () => {
    const died = start();
    await exportPoison(died);
    died.handOver(0);
    expect(balances()).toMatchObject([{ quarantined: 0, missing: 2 }]);
    const heir = start();
    heir.export(stepRecord());
    while (balances()[0]?.missing !== 0) await sleep(50);
    expect(balances()[0]).toMatchObject({ stored_records: 1, quarantined: 2, lost: 0 });
    expect(files()).toHaveLength(2);
  });

  it('are lost, and told to be, where the files have no room', async () => {
    const exporter = start({ maxSpoolBytes: 16_000 });
    for (let count = 0; count < 5; count++) exporter.export(stepRecord({ name: 'poison' }));
    await exporter.forceFlush();
    await exporter.shutdown();
    const { quarantined, dropped } = exporter.accounts();
    expect(quarantined).toBe(files().length);
    expect(quarantined).toBeGreaterThan(0);
    expect(dropped.quarantine_failed).toBe(5 - quarantined);
    expect(balances()).toMatchObject([{ quarantined, lost: 5 - quarantined, missing: 0 }]);
  });
});
