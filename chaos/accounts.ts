import type { RecordAccounts } from 'runledger';

/** That every record there ever was in a process is somewhere, or counted; empty where it is so. */
export function identityFaults(when: string, accounts: RecordAccounts): string[] {
  const { created, stored, queued, sampledOut, quarantined } = accounts;
  const { recovered = 0, spooled = 0 } = accounts as { recovered?: number; spooled?: number };
  const rest =
    created + recovered - stored - queued - spooled - sampledOut - quarantined - droppedOf(accounts);
  return rest === 0 ? [] : [`${when}: ${rest} records are not accounted for: ${JSON.stringify(accounts)}`];
}

/** Records that were given up, for whatever reason. */
export function droppedOf({ dropped }: RecordAccounts): number {
  return Object.values(dropped).reduce((total, count) => total + count, 0);
}
