import { isFailed, notesOf, type Outcome } from '../execution.ts';
import { ATTR_KIND, ATTR_STEP_NAME } from '../semconv.ts';
import { ATTRIBUTE_COLUMNS } from './attribute-columns.ts';
import { boundedJsonText, flatJson, markedJson } from './bounded-json.ts';
import { RecordMarks, TEXT_BOUNDS } from './bounded-text.ts';
import type { EndedSpan } from './ended-span.ts';
import type { ExecutionFacts } from './execution-facts.ts';
import type { ExecutionRecord, RecordFlag } from './execution-record.ts';
import type { FailureVerdict } from './failure-ledger.ts';
import { FreshRecord } from './fresh-record.ts';
import type { RecordDraft } from './record-draft.ts';
import { putCancellation, putFailure, putRejection } from './record-endings.ts';
import { isUsableTime, millisOf } from './span-times.ts';

/** What is known about an execution at its end that its span does not say. */
export interface EndFacts {
  /** How it ended; undefined for a segment that is not the last. */
  readonly outcome: Outcome | undefined;
  /** Why it failed; undefined where it did not. */
  readonly verdict?: FailureVerdict | undefined;
  /** Failed children, where it did not fail. */
  readonly recoveredFailures: number;
  readonly flags?: readonly RecordFlag[] | undefined;
}

/** What of a span goes into its record. */
export interface CaptureOptions {
  /** Which attributes without a column of their own go into the `attributes` column. */
  readonly captureAttributes: boolean | ((name: string) => boolean);
  readonly captureStack: boolean;
}

/**
 * The record of an execution from its ended span. Pure: the same span and facts give the same record. Whoever
 * exports it sets `seq`, `keepReason` and `sampleRate`.
 */
export function recordFromSpan(
  span: EndedSpan,
  facts: ExecutionFacts,
  end: EndFacts,
  options: CaptureOptions,
): ExecutionRecord {
  const marks = new RecordMarks();
  marks.addAll(facts.flags);
  marks.addAll(end.flags);
  const { outcome } = end;
  const isOver = outcome !== undefined;
  const recoveredFailures = isOver ? (end.verdict?.recoveredFailures ?? end.recoveredFailures) : 0;
  const record: RecordDraft = new FreshRecord(span, facts, outcome, recoveredFailures);
  if (isOver) {
    if (isFailed(outcome)) putFailure(record, end.verdict, options.captureStack, marks);
    else if (outcome === 'cancellation') putCancellation(record, span, marks);
    else if (outcome === 'rejection') putRejection(record, span, marks);
  }
  const notes = notesOf(span);
  if (notes?.timelineTotal !== undefined) record.timelineTotal = notes.timelineTotal;
  if (notes?.timeline !== undefined && notes.timeline.length > 0) {
    record.timeline = markedJson(notes.timeline, TEXT_BOUNDS.timeline, marks);
  }
  putAttributes(record, span, options, marks);
  if (isOver) putTimes(record, span, marks);
  if (marks.flags !== undefined) record.flags = marks.flags;
  return record;
}

/** A first segment lasts as long as its span; a later one ends an execution that started in another. */
function putTimes(record: RecordDraft, span: EndedSpan, marks: RecordMarks): void {
  const ownDuration = Math.max(0, millisOf(span.duration)) || 0;
  const end = isUsableTime(span.endTime) ? millisOf(span.endTime) : Number.NaN;
  if (!(end >= record.startedAt)) {
    marks.add('clock_suspect');
    record.endedAt = record.startedAt + ownDuration;
    record.durationMs = ownDuration;
    return;
  }
  record.endedAt = end;
  record.durationMs = record.rev === 2 ? ownDuration : end - record.startedAt;
}

/** Columns first; what is left goes into `attributes`. Big texts share what the record's bound leaves. */
function putAttributes(
  record: RecordDraft,
  span: EndedSpan,
  options: CaptureOptions,
  marks: RecordMarks,
): void {
  const { attributes } = span;
  const { captureAttributes } = options;
  let rest: Record<string, unknown> | undefined;
  for (const name in attributes) {
    // What every step has; the table knows the rest.
    if (name === ATTR_KIND || name === ATTR_STEP_NAME) continue;
    const value = attributes[name];
    if (value === undefined || !Object.hasOwn(attributes, name)) continue;
    if (ATTRIBUTE_COLUMNS.get(name)?.(record, value, marks) === true) continue;
    if (!isCaptured(name, captureAttributes)) continue;
    rest ??= Object.create(null) as Record<string, unknown>;
    rest[name] = value;
  }
  const { input, output } = record;
  if (rest === undefined && input === undefined && output === undefined) return;
  let left = TEXT_BOUNDS.record - fixedBytes(record);
  if (rest !== undefined) {
    const maxBytes = Math.min(TEXT_BOUNDS.attributes, left);
    record.attributes = flatJson(rest, maxBytes) ?? markedJson(rest, maxBytes, marks);
    left -= Buffer.byteLength(record.attributes);
  }
  if (input !== undefined) {
    record.input = boundedJsonText(input, Math.min(TEXT_BOUNDS.payload, left), marks);
    left -= Buffer.byteLength(record.input);
  }
  if (output !== undefined)
    record.output = boundedJsonText(output, Math.min(TEXT_BOUNDS.payload, left), marks);
}

/** A choice that throws takes nothing in. */
function isCaptured(name: string, choice: CaptureOptions['captureAttributes']): boolean {
  if (typeof choice === 'boolean') return choice;
  try {
    return choice(name);
  } catch {
    return false;
  }
}

/** Bytes that everything but attributes, input and output takes; the short fields together stay below 14,000. */
function fixedBytes(record: ExecutionRecord): number {
  const { errorStack, errorChain, errorMessage, timeline } = record;
  let bytes = 14_000;
  for (const text of [errorStack, errorChain, errorMessage, timeline]) {
    if (text !== undefined) bytes += Buffer.byteLength(text);
  }
  return bytes;
}
