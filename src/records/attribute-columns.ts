import type { AttributeValue } from '@opentelemetry/api';
import {
  ATTR_ATTEMPT,
  ATTR_CHECKPOINT_COUNT,
  ATTR_CORRELATION_ID,
  ATTR_COST_USD,
  ATTR_DEFINITION_HASH,
  ATTR_ERROR_CODE,
  ATTR_ERROR_TYPE,
  ATTR_FAILED_STEP,
  ATTR_FINAL,
  ATTR_INPUT,
  ATTR_INPUT_HASH,
  ATTR_INTERRUPT_COUNT,
  ATTR_KEEP,
  ATTR_KIND,
  ATTR_OUTCOME,
  ATTR_OUTPUT,
  ATTR_PARENT_RECORD_ID,
  ATTR_PIPELINE_NAME,
  ATTR_PIPELINE_VERSION,
  ATTR_PROCESS_NAME,
  ATTR_RECORD_ID,
  ATTR_RECOVERED_FAILURES,
  ATTR_REJECTION_CURRENT,
  ATTR_REJECTION_DETAIL,
  ATTR_REJECTION_LIMIT,
  ATTR_REJECTION_REASON,
  ATTR_ROWS_IN,
  ATTR_ROWS_OUT,
  ATTR_RUN_ID,
  ATTR_SEGMENT,
  ATTR_SKIP_REASON,
  ATTR_SOURCE,
  ATTR_STARTED_AT,
  ATTR_STATE,
  ATTR_STEP_NAME,
  ATTR_SUSPENDED_MS,
  ATTR_TARGET,
  ATTR_TENANT,
  ATTR_TOKENS_CACHE_READ,
  ATTR_TOKENS_CACHE_WRITE,
  ATTR_TOKENS_IN,
  ATTR_TOKENS_OUT,
  ATTR_WAIT_MS,
  ATTR_WORK_UNITS,
  ATTR_WORKER_ID,
} from '../semconv.ts';
import { boundedJson } from './bounded-json.ts';
import { boundedText, type RecordMarks, TEXT_BOUNDS } from './bounded-text.ts';
import type { RecordDraft } from './record-draft.ts';

/** Puts an attribute into its column; false where the value is none the column can hold. */
type PutAttribute = (record: RecordDraft, value: AttributeValue, marks: RecordMarks) => boolean;

type TextField =
  | 'version'
  | 'definitionHash'
  | 'correlationId'
  | 'tenant'
  | 'workerId'
  | 'inputHash'
  | 'skipReason';
type QuantityField = 'waitMs' | 'suspendedMs' | 'workUnits';
type CountField =
  | 'attempt'
  | 'rowsIn'
  | 'rowsOut'
  | 'checkpointCount'
  | 'interruptCount'
  | 'tokensIn'
  | 'tokensOut'
  | 'tokensCacheRead'
  | 'tokensCacheWrite'
  | 'costUsdMicros';

/**
 * What is done with each attribute that is not simply kept in the `attributes` column. A value of the wrong type
 * stays there, so that nothing is lost without a trace.
 */
export const ATTRIBUTE_COLUMNS: ReadonlyMap<string, PutAttribute> = new Map<string, PutAttribute>([
  // Read where the facts and the outcome of the execution are made out.
  ...[
    ATTR_KIND,
    ATTR_PIPELINE_NAME,
    ATTR_PROCESS_NAME,
    ATTR_STEP_NAME,
    ATTR_RUN_ID,
    ATTR_PARENT_RECORD_ID,
    ATTR_RECORD_ID,
    ATTR_STARTED_AT,
    ATTR_STATE,
    ATTR_KEEP,
    ATTR_OUTCOME,
    ATTR_ERROR_TYPE,
    ATTR_ERROR_CODE,
    ATTR_REJECTION_REASON,
    ATTR_REJECTION_DETAIL,
    ATTR_REJECTION_LIMIT,
    ATTR_REJECTION_CURRENT,
    ATTR_FAILED_STEP,
    ATTR_RECOVERED_FAILURES,
  ].map((name): [string, PutAttribute] => [name, () => true]),
  [ATTR_PIPELINE_VERSION, text('version', TEXT_BOUNDS.id)],
  [ATTR_DEFINITION_HASH, text('definitionHash', TEXT_BOUNDS.id)],
  [ATTR_CORRELATION_ID, text('correlationId', TEXT_BOUNDS.id)],
  [ATTR_TENANT, text('tenant', TEXT_BOUNDS.id)],
  [ATTR_WORKER_ID, text('workerId', TEXT_BOUNDS.id)],
  [ATTR_INPUT_HASH, text('inputHash', TEXT_BOUNDS.id)],
  [ATTR_SKIP_REASON, text('skipReason', TEXT_BOUNDS.label)],
  // Bounded at the end, by what the rest of the record leaves.
  [ATTR_INPUT, payload('input')],
  [ATTR_OUTPUT, payload('output')],
  [ATTR_SEGMENT, (record, value) => setRevision(record, value)],
  [ATTR_SOURCE, texts('source')],
  [ATTR_TARGET, texts('target')],
  [ATTR_WAIT_MS, quantity('waitMs')],
  [ATTR_SUSPENDED_MS, quantity('suspendedMs')],
  [ATTR_WORK_UNITS, quantity('workUnits')],
  [
    ATTR_ATTEMPT,
    (record, value) => typeof value === 'number' && value >= 1 && setCount(record, 'attempt', value),
  ],
  [ATTR_ROWS_IN, count('rowsIn')],
  [ATTR_ROWS_OUT, count('rowsOut')],
  [ATTR_CHECKPOINT_COUNT, count('checkpointCount')],
  [ATTR_INTERRUPT_COUNT, count('interruptCount')],
  [ATTR_TOKENS_IN, count('tokensIn')],
  [ATTR_TOKENS_OUT, count('tokensOut')],
  [ATTR_TOKENS_CACHE_READ, count('tokensCacheRead')],
  [ATTR_TOKENS_CACHE_WRITE, count('tokensCacheWrite')],
  [ATTR_COST_USD, (record, value) => setCount(record, 'costUsdMicros', (value as number) * 1e6)],
  [
    ATTR_FINAL,
    (record, value) => {
      if (typeof value !== 'boolean') return false;
      record.final = value;
      return true;
    },
  ],
]);

function text(field: TextField, maxBytes: number): PutAttribute {
  return (record, value, marks) => {
    if (typeof value !== 'string') return false;
    record[field] = boundedText(value, maxBytes, marks);
    return true;
  };
}

function texts(field: 'source' | 'target'): PutAttribute {
  return (record, value, marks) => {
    if (typeof value === 'string') {
      record[field] = boundedText(value, TEXT_BOUNDS.label, marks);
      return true;
    }
    if (!Array.isArray(value)) return false;
    const { json, truncated, sanitized } = boundedJson(value, { maxBytes: TEXT_BOUNDS.label });
    if (truncated) marks.add('truncated');
    if (sanitized) marks.add('sanitized');
    record[field] = json;
    return true;
  };
}

function payload(field: 'input' | 'output'): PutAttribute {
  return (record, value) => {
    if (typeof value !== 'string') return false;
    record[field] = value;
    return true;
  };
}

/** Odd while the execution is suspended, even when it is over, growing with each segment. */
function setRevision(record: RecordDraft, segment: AttributeValue): boolean {
  if (typeof segment !== 'number' || !Number.isSafeInteger(segment) || segment < 1) return false;
  record.rev = record.state === 'ended' ? 2 * segment : 2 * segment - 1;
  return true;
}

function quantity(field: QuantityField): PutAttribute {
  return (record, value) => {
    if (typeof value !== 'number' || !Number.isFinite(value)) return false;
    record[field] = value;
    return true;
  };
}

function count(field: CountField): PutAttribute {
  return (record, value) => setCount(record, field, value);
}

/** Columns of counts are whole numbers that JavaScript holds exactly. */
function setCount(record: RecordDraft, field: CountField, value: AttributeValue): boolean {
  if (typeof value !== 'number' || !Number.isFinite(value)) return false;
  const whole = Math.round(value);
  if (!Number.isSafeInteger(whole)) return false;
  record[field] = whole;
  return true;
}
