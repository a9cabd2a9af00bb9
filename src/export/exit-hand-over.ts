import type { RecordAccounting } from './accounting.ts';
import type { LedgerReporter } from './ledger-reporter.ts';
import type { RecordQueue, TakeLimit } from './record-queue.ts';
import type { StoreSession } from './store-session.ts';

/**
 * Writes what waits in a queue from an `exit` handler, where nothing asynchronous runs any more. Blocks until
 * `deadline`, by `now`, at most. What the store refuses is halved while there is time, so that a record it can not
 * take costs its mates nothing; there is no quarantine at this point.
 */
export function handOverAtExit(
  queue: RecordQueue,
  session: StoreSession,
  accounting: RecordAccounting,
  reporter: LedgerReporter,
  limit: TakeLimit,
  deadline: number,
  now: () => number,
): void {
  for (let batch = queue.take(limit); batch !== undefined; batch = queue.take(limit)) {
    const { records } = batch;
    const parts: (readonly number[])[] = [records.map((_, position) => position)];
    for (let part = parts.pop(); part !== undefined; part = parts.pop()) {
      const millis = deadline - now();
      if (millis <= 0) return;
      const content = part.flatMap((position) => records[position] ?? []);
      if (session.writeAtExit(content, millis, reporter.report())) {
        accounting.stored(queue.settle(batch, part));
      } else if (part.length > 1) {
        const middle = Math.ceil(part.length / 2);
        parts.push(part.slice(middle), part.slice(0, middle));
      }
    }
  }
}
