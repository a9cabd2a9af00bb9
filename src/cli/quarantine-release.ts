import { rm } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import type { QuarantineFiles, RefusalFile } from '../export/quarantine-files.ts';
import type { RecordStore } from '../store/record-store.ts';
import { broughtIn, type NumberedRecord, singleLoss } from '../store/single-loss.ts';
import { CliError } from './cli-error.ts';
import type { Quarantined } from './quarantined-records.ts';

/** Reason of the loss that a dropped record is: the ledger can still say where it went. */
const DROPPED = 'quarantine_dropped';
/** How long somebody else may be at the files: it takes as long as a few writes. Milliseconds. */
const LONGEST_MILLIS = 10_000;
const AGAIN_MILLIS = 100;

/** Does something with the files of a quarantine while no process brings them into the ledger. Throws a `CliError` where one does not end. */
export async function withQuarantine(
  folder: QuarantineFiles,
  work: (files: readonly RefusalFile[]) => Promise<void>,
): Promise<void> {
  for (let waited = 0; waited < LONGEST_MILLIS; waited += AGAIN_MILLIS) {
    if (await folder.alone(work)) return;
    await sleep(AGAIN_MILLIS);
  }
  throw new CliError(
    `another process is at work in ${folder.path}, or it can not be written to. Try again in a moment.`,
  );
}

/** A record that the store refuses again. */
export interface RefusedAgain {
  readonly record_id: string;
  readonly reason: string;
}

/** Stores each by itself, so that one which is refused again does not keep the others out. Returns the refused. */
export async function replay(
  store: RecordStore,
  records: readonly Quarantined[],
): Promise<readonly RefusedAgain[]> {
  const refused: RefusedAgain[] = [];
  for (const quarantined of records) {
    const { record_id, record, file } = quarantined;
    try {
      if (record === undefined) throw new Error('what is kept of it is no record');
      const losses = file === null || record.seq === 0 ? [] : [broughtIn(numbered(quarantined), Date.now())];
      await store.write([record], { instances: [], losses });
      await release(store, quarantined);
    } catch (error) {
      refused.push({ record_id, reason: error instanceof Error ? error.message : String(error) });
    }
  }
  return refused;
}

/** Written down as lost first: a record that vanished without a trace would be missing for ever. Returns how many were there. */
export async function drop(store: RecordStore, records: readonly Quarantined[]): Promise<number> {
  const losses = records
    .filter(({ seq }) => seq > 0)
    .map((quarantined) => singleLoss(numbered(quarantined), DROPPED, Date.now()));
  await store.write([], { instances: [], losses });
  let dropped = 0;
  for (const quarantined of records) if (await release(store, quarantined)) dropped++;
  return dropped;
}

/** Takes a record out of quarantine. Resolves to whether it was there. */
async function release(store: RecordStore, { record_id, rev, file }: Quarantined): Promise<boolean> {
  if (file === null) return ((await store.discard?.([{ recordId: record_id, rev }])) ?? 0) > 0;
  await rm(file);
  return true;
}

function numbered({ instance_id, seq }: Quarantined): NumberedRecord {
  return { instanceId: instance_id, seq };
}
