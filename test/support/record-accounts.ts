import type { RecordAccounts } from '../../src/export/record-exporter.ts';

/** Every record the accounts can not place: 0 when the identity holds. */
export function unaccounted(accounts: RecordAccounts): number {
  const { created, recovered, stored, queued, spooled, sampledOut, quarantined } = accounts;
  const known = stored + queued + spooled + sampledOut + quarantined + droppedOf(accounts);
  return created + recovered - known;
}

/** Records dropped, for whatever reason. */
export function droppedOf({ dropped }: RecordAccounts): number {
  return Object.values(dropped).reduce((sum, count) => sum + count, 0);
}
