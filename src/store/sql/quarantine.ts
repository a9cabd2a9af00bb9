import type { Kysely } from 'kysely';
import type { QuarantineKey } from '../record-store.ts';
import type { LedgerDatabase } from './database.ts';
import { changesOf, type SqlScript } from './script.ts';

/** Takes records out of quarantine; answers with how many were there. */
export function* discardQuarantined(
  db: Kysely<LedgerDatabase>,
  keys: readonly QuarantineKey[],
): SqlScript<number> {
  let discarded = 0;
  for (const { recordId, rev } of keys) {
    const removal = db
      .deleteFrom('record_quarantine')
      .where('record_id', '=', recordId)
      .where('rev', '=', rev);
    discarded += yield* changesOf(removal);
  }
  return discarded;
}
