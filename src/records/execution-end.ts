import { isFailed, notesOf, type Outcome } from '../execution.ts';
import type { EndedSpan } from './ended-span.ts';
import { detailsOfSaid, detailsOfThrown } from './error-details.ts';
import { type EndedWith, type FailureLedger, type FailureVerdict, failedByItself } from './failure-ledger.ts';
import { errorAttributesOf, errorSaidOf } from './span-outcome.ts';

/** What an execution's failed children mean for it, now that it ends. */
export function endOf(
  span: EndedSpan,
  outcome: Outcome,
  failures: FailureLedger | undefined,
): { readonly verdict: FailureVerdict | undefined; readonly recoveredFailures: number } {
  if (!isFailed(outcome)) return { verdict: undefined, recoveredFailures: failures?.count ?? 0 };
  const own = endedWithOf(span);
  const verdict = failures?.verdict(own) ?? failedByItself(own, 0);
  return { verdict, recoveredFailures: verdict.recoveredFailures };
}

/** The error an execution ended with: the object left beside its span, else what the span says. */
export function endedWithOf(span: EndedSpan): EndedWith {
  const thrown = notesOf(span)?.error;
  if (thrown !== undefined) return { thrown, details: detailsOfThrown(thrown, errorAttributesOf(span)) };
  return { thrown, details: detailsOfSaid(errorSaidOf(span)) };
}
