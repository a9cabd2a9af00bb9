import type { ExecutionRecord } from './execution-record.ts';

/** A record that is being made: every field can still be set. */
export type RecordDraft = { -readonly [Field in keyof ExecutionRecord]: ExecutionRecord[Field] };
