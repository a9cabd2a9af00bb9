import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { bringIn } from '../export/bring-in.ts';
import { instanceNames, QUARANTINE_NAME } from '../spool/instance-directory.ts';
import { lockDirectory } from '../spool/instance-lock.ts';
import { QuarantineFolder } from '../spool/quarantine-folder.ts';
import { serverOf, spoolNameOf } from '../store/ledger-location.ts';
import type { QuarantinedRecord, RecordLoss } from '../store/record-store.ts';
import { storeAt } from './ledger-location.ts';
import { withProgress } from './progress.ts';
import { formatCount } from './quantities.ts';

/** What was found in the spool of a ledger, and where it is now. */
export interface SpoolRecovery {
  /** Records that processes which have ended left behind. */
  readonly recovered: number;
  /** Of those, in the ledger now. */
  readonly stored: number;
  /** Of those, still in the spool: the store did not take them. */
  readonly left: number;
  /** Of those, refused by the store for their content and kept in quarantine. */
  readonly quarantined: number;
  /** Executions that were running when their process died, recorded as interrupted. */
  readonly interrupted: number;
  /** Records in files of the quarantine, which the ledger has in its own now. */
  readonly broughtIn: number;
}

const NOTHING: SpoolRecovery = {
  recovered: 0,
  stored: 0,
  left: 0,
  quarantined: 0,
  interrupted: 0,
  broughtIn: 0,
};

/** How long a store may take for a spool of the greatest size. Milliseconds. */
const LONGEST_MILLIS = 600_000;

/** Whether anybody has left something, or is at work, for a ledger. */
export function hasSpool(location: string): boolean {
  const spool = spoolOf(location);
  if (!existsSync(spool)) return false;
  return readdirSync(spool).some((name) => name !== QUARANTINE_NAME) || !quarantineFolder(location).isEmpty;
}

/** The files of records that a ledger neither takes nor quarantines. */
export function quarantineFolder(location: string): QuarantineFolder {
  return new QuarantineFolder(spoolOf(location));
}

/**
 * Brings what processes that have ended left in the spool of a ledger into it, and what it did not quarantine. Leaves alone
 * what belongs to a living
 * process. Rejects where the spool or the ledger can not be opened.
 */
export async function recoverSpool(location: string): Promise<SpoolRecovery> {
  if (!hasSpool(location)) return NOTHING;
  const [{ BatchRecordExporter }, { SpoolRecordQueue }] = await Promise.all([
    import('../export/batch-record-exporter.ts'),
    import('../spool/spool-record-queue.ts'),
  ]);
  const store = await storeAt(location);
  // What is wrong with the ledger is said at once, and not tried again and again.
  await store.init();
  const quarantine = {
    quarantine: (records: readonly QuarantinedRecord[]) => store.quarantine(records),
    tell: (losses: readonly RecordLoss[]) => store.write([], { instances: [], losses }),
  };
  const broughtIn = (await bringIn(quarantineFolder(location), quarantine, new Set()))?.records ?? 0;
  const exporter = new BatchRecordExporter(
    store,
    { shutdownTimeoutMillis: LONGEST_MILLIS },
    (owner, onDrop) => new SpoolRecordQueue({ ...owner, directory: spoolOf(location) }, onDrop),
  );
  const recovered = await exporter.recover();
  const state = () => {
    const { stored } = exporter.accounts();
    return `recovering ${formatCount(stored)} of ${formatCount(recovered)} records`;
  };
  const { left } = await withProgress(state, () => exporter.shutdown());
  const { stored, quarantined } = exporter.accounts();
  return { recovered, stored, left, quarantined, interrupted: exporter.interruptedCount, broughtIn };
}

/**
 * Ids of the processes of this machine that live and write to a ledger: each holds the lock of its folder in the spool, be it
 * stopped, or its store away.
 */
export async function livingInstances(location: string): Promise<ReadonlySet<string>> {
  const living = new Set<string>();
  if (!hasSpool(location)) return living;
  for (const name of instanceNames(spoolOf(location))) {
    try {
      const lock = lockDirectory(join(spoolOf(location), name), 'existing');
      if (lock === undefined) living.add(name.split('.')[0] ?? name);
      else lock.release();
    } catch {
      // Without a lock, or gone meanwhile: nobody is there.
    }
  }
  return living;
}

function spoolOf(location: string): string {
  if (serverOf(location) === undefined) return `${location}.spool`;
  return join(process.env.RUNLEDGER_DIR || '.runledger', spoolNameOf(location));
}
