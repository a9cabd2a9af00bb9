import { boundedText, RecordMarks, TEXT_BOUNDS } from './bounded-text.ts';
import type { ExecutionRecord } from './execution-record.ts';
import type { RecordDraft } from './record-draft.ts';

/**
 * Takes out of a finished record what must not be stored. It is called with a copy, before the record leaves the
 * process, and may change that or return another. Only its texts can be changed ({@link REDACTABLE}): what the
 * record is, when it ran and how it ended stay. Returning undefined leaves all free text out.
 */
export type RedactRecord = (record: ExecutionRecord) => ExecutionRecord | undefined;

/** Fields that may hold what somebody wrote, with their bounds. */
const FREE_TEXT = {
  error: TEXT_BOUNDS.errorLine,
  errorMessage: TEXT_BOUNDS.message,
  errorStack: TEXT_BOUNDS.stack,
  errorChain: TEXT_BOUNDS.chain,
  skipReason: TEXT_BOUNDS.label,
  rejectionDetail: TEXT_BOUNDS.label,
  timeline: TEXT_BOUNDS.timeline,
  source: TEXT_BOUNDS.label,
  target: TEXT_BOUNDS.label,
  input: TEXT_BOUNDS.payload,
  output: TEXT_BOUNDS.payload,
  attributes: TEXT_BOUNDS.attributes,
} as const;

/** Fields that are ids or classes, and yet may say too much. They stay where the hook fails. */
const NAMING_TEXT = {
  errorType: TEXT_BOUNDS.id,
  errorCode: TEXT_BOUNDS.id,
  correlationId: TEXT_BOUNDS.id,
  tenant: TEXT_BOUNDS.id,
  workerId: TEXT_BOUNDS.id,
} as const;

type FreeText = keyof typeof FREE_TEXT;
type NamingText = keyof typeof NAMING_TEXT;

/** Texts a {@link RedactRecord} can change or remove. */
export const REDACTABLE: readonly (FreeText | NamingText)[] = [
  ...(Object.keys(FREE_TEXT) as FreeText[]),
  ...(Object.keys(NAMING_TEXT) as NamingText[]),
];

/**
 * The record as the hook leaves it. A hook that throws, or returns what is no record, fails closed: all free text
 * is left out and the record is marked. Never throws.
 */
export function redacted(record: ExecutionRecord, redact: RedactRecord): ExecutionRecord {
  const marks = new RecordMarks();
  marks.addAll(record.flags);
  try {
    const result: unknown = redact({ ...record });
    if (result === undefined) return withoutFreeText(record);
    if (result instanceof Promise) result.catch(() => {});
    else if (typeof result === 'object' && result !== null && !('then' in result)) {
      return withTextsOf(record, result as ExecutionRecord, marks);
    }
  } catch {
    // The hook's own error may quote what it was to take out, so it is told nowhere.
  }
  marks.add('redaction_failed');
  const stripped = withoutFreeText(record);
  stripped.flags = marks.flags ?? [];
  return stripped;
}

function withoutFreeText(record: ExecutionRecord): RecordDraft {
  const stripped: RecordDraft = { ...record };
  for (const field of Object.keys(FREE_TEXT) as FreeText[]) delete stripped[field];
  return stripped;
}

/** Everything of the record, but for the texts, which are the hook's, bounded again. */
function withTextsOf(record: ExecutionRecord, result: ExecutionRecord, marks: RecordMarks): ExecutionRecord {
  const kept: RecordDraft = { ...record };
  const bounds: Readonly<Record<FreeText | NamingText, number>> = { ...FREE_TEXT, ...NAMING_TEXT };
  for (const field of REDACTABLE) {
    const text: unknown = result[field];
    if (typeof text === 'string') kept[field] = boundedText(text, bounds[field], marks);
    else delete kept[field];
  }
  if (marks.flags !== undefined) kept.flags = marks.flags;
  return kept;
}
