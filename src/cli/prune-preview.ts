import { isFailed, OUTCOMES } from '../execution.ts';
import type { LedgerReader } from '../store/ledger-reader.ts';
import type { RetentionPolicy } from '../store/record-store.ts';

/** What a prune by age would remove. */
export interface PrunePreview {
  readonly records: number;
  readonly runs: number;
}

/**
 * Counts what a prune would remove by age, by the store's own rule: a run goes whole, its newest end decides, and one
 * with a failure or with an execution that never ended is kept for the longer time.
 */
export async function previewPrune(
  ledger: LedgerReader,
  policy: RetentionPolicy,
  now: number,
): Promise<PrunePreview> {
  const failed = OUTCOMES.filter(isFailed)
    .map((outcome) => `'${outcome}'`)
    .join(', ');
  const failedCutoff = bounded(now - policy.failedMaxAgeMs);
  const cutoff = Math.max(failedCutoff, bounded(now - policy.maxAgeMs));
  // Nothing in the statement is the user's but two numbers.
  const { rows } = await ledger.query(`
    select coalesce(sum(records), 0), count(*) from (
      select count(*) as records,
             max(coalesce(ended_at, started_at)) as newest,
             max(case when ended_at is null or outcome in (${failed}) then 1 else 0 end) as unsettled
        from execution_records group by run_id
    ) runs where newest < case when unsettled = 1 then ${failedCutoff} else ${cutoff} end`);
  return { records: Number(rows[0]?.[0] ?? 0), runs: Number(rows[0]?.[1] ?? 0) };
}

/** SQL has no word for infinity. */
function bounded(time: number): number {
  return Math.max(time, Number.MIN_SAFE_INTEGER);
}
