import type { RejectionReason } from '../execution.ts';
import {
  ATTR_REJECTION_CURRENT,
  ATTR_REJECTION_DETAIL,
  ATTR_REJECTION_LIMIT,
  ATTR_REJECTION_REASON,
} from '../semconv.ts';
import { markedJson } from './bounded-json.ts';
import { type RecordMarks, TEXT_BOUNDS } from './bounded-text.ts';
import type { EndedSpan } from './ended-span.ts';
import { chainJson, errorLine } from './error-details.ts';
import { endedWithOf } from './execution-end.ts';
import type { FailureVerdict } from './failure-ledger.ts';
import type { RecordDraft } from './record-draft.ts';

const REJECTION_REASONS: ReadonlySet<unknown> = new Set<RejectionReason>([
  'tenant_limit',
  'capacity_limit',
  'rate_limit',
  'queue_full',
  'circuit_open',
  'policy',
  'other',
]);

/** What a failed execution's record says about its error, and where that comes from. */
export function putFailure(
  record: RecordDraft,
  verdict: FailureVerdict | undefined,
  captureStack: boolean,
  marks: RecordMarks,
): void {
  if (verdict === undefined) return;
  const { recorded: details, root } = verdict;
  record.error = errorLine(details, marks);
  record.errorType = details.type;
  record.errorFingerprint = details.fingerprint;
  if (details.code !== undefined) record.errorCode = details.code;
  if (details.message !== undefined) record.errorMessage = details.message;
  const chain = chainJson(details, marks);
  if (chain !== undefined) record.errorChain = chain;
  if (captureStack && !verdict.isStackElsewhere && details.stack !== undefined) {
    record.errorStack = details.stack;
  }
  marks.addAll(details.flags);
  if (root === undefined) return;
  record.failedStep = root.name;
  record.failedRecordId = root.recordId;
  record.failedCount = verdict.failedCount;
  const listed = verdict.linked.map(({ name, recordId }) => ({ name, record_id: recordId }));
  record.failedSteps = markedJson(listed, TEXT_BOUNDS.list, marks);
}

/** What cancelled it is worth knowing, but it is no failure: no stack, no fingerprint to group by. */
export function putCancellation(record: RecordDraft, span: EndedSpan, marks: RecordMarks): void {
  const { thrown, details } = endedWithOf(span);
  if (thrown === undefined && details.message === undefined) return;
  record.error = errorLine(details, marks);
  record.errorType = details.type;
  if (details.code !== undefined) record.errorCode = details.code;
  if (details.message !== undefined) record.errorMessage = details.message;
  marks.addAll(details.flags);
}

/** Why it was not admitted; a reason outside the closed list is `other`. */
export function putRejection(record: RecordDraft, span: EndedSpan, marks: RecordMarks): void {
  const reason = span.attributes[ATTR_REJECTION_REASON];
  record.rejectionReason = REJECTION_REASONS.has(reason) ? (reason as RejectionReason) : 'other';
  const detail = span.attributes[ATTR_REJECTION_DETAIL];
  const limit = span.attributes[ATTR_REJECTION_LIMIT];
  const current = span.attributes[ATTR_REJECTION_CURRENT];
  if (detail === undefined && limit === undefined && current === undefined) return;
  record.rejectionDetail = markedJson({ detail, limit, current }, TEXT_BOUNDS.label, marks);
}
