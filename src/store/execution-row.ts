import { type ExecutionRecord, RECORD_SCHEMA_VERSION } from '../records/execution-record.ts';

/** A value every SQL store can bind. */
export type SqlValue = string | number | null;

/** One column of `execution_records`: its type, and the field of the record that it holds or how it is made of one. */
export interface ExecutionColumn {
  readonly name: string;
  readonly type: 'text' | 'integer' | 'real';
  readonly notNull?: true;
  /** What a row gets that is inserted without the column. */
  readonly default?: number;
  readonly field: keyof ExecutionRecord;
  /** Absent where the column holds the field as it is. */
  readonly value?: (record: ExecutionRecord) => SqlValue | undefined;
}

/** The columns in table order; the key is first. New ones are appended, with a migration. */
export const EXECUTION_COLUMNS = [
  { name: 'record_id', type: 'text', notNull: true, field: 'recordId' },
  { name: 'rev', type: 'integer', notNull: true, field: 'rev' },
  { name: 'seq', type: 'integer', notNull: true, field: 'seq' },
  { name: 'kind', type: 'text', notNull: true, field: 'kind' },
  { name: 'name', type: 'text', notNull: true, field: 'name' },
  { name: 'pipeline', type: 'text', field: 'pipeline' },
  { name: 'version', type: 'text', field: 'version' },
  { name: 'definition_hash', type: 'text', field: 'definitionHash' },
  { name: 'run_id', type: 'text', notNull: true, field: 'runId' },
  { name: 'parent_record_id', type: 'text', field: 'parentRecordId' },
  { name: 'trace_id', type: 'text', notNull: true, field: 'traceId' },
  { name: 'span_id', type: 'text', notNull: true, field: 'spanId' },
  { name: 'parent_span_id', type: 'text', field: 'parentSpanId' },
  { name: 'correlation_id', type: 'text', field: 'correlationId' },
  { name: 'attempt', type: 'integer', notNull: true, field: 'attempt' },
  {
    name: 'final',
    type: 'integer',
    field: 'final',
    value: (r) => (r.final === undefined ? undefined : Number(r.final)),
  },
  { name: 'tenant', type: 'text', field: 'tenant' },
  { name: 'state', type: 'text', notNull: true, field: 'state' },
  { name: 'outcome', type: 'text', field: 'outcome' },
  { name: 'started_at', type: 'real', notNull: true, field: 'startedAt' },
  { name: 'ended_at', type: 'real', field: 'endedAt' },
  { name: 'duration_ms', type: 'real', field: 'durationMs' },
  { name: 'wait_ms', type: 'real', field: 'waitMs' },
  { name: 'suspended_ms', type: 'real', field: 'suspendedMs' },
  { name: 'error', type: 'text', field: 'error' },
  { name: 'error_type', type: 'text', field: 'errorType' },
  { name: 'error_code', type: 'text', field: 'errorCode' },
  { name: 'error_message', type: 'text', field: 'errorMessage' },
  { name: 'error_stack', type: 'text', field: 'errorStack' },
  { name: 'error_chain', type: 'text', field: 'errorChain' },
  { name: 'error_fingerprint', type: 'text', field: 'errorFingerprint' },
  { name: 'failed_step', type: 'text', field: 'failedStep' },
  { name: 'failed_record_id', type: 'text', field: 'failedRecordId' },
  { name: 'failed_steps', type: 'text', field: 'failedSteps' },
  { name: 'failed_count', type: 'integer', field: 'failedCount' },
  { name: 'recovered_failures', type: 'integer', notNull: true, field: 'recoveredFailures' },
  {
    name: 'remote_failures',
    type: 'integer',
    notNull: true,
    default: 0,
    field: 'remoteFailures',
    value: (r) => r.remoteFailures ?? 0,
  },
  { name: 'rejection_reason', type: 'text', field: 'rejectionReason' },
  { name: 'rejection_detail', type: 'text', field: 'rejectionDetail' },
  { name: 'skip_reason', type: 'text', field: 'skipReason' },
  { name: 'keep_reason', type: 'text', notNull: true, field: 'keepReason' },
  { name: 'sample_rate', type: 'real', notNull: true, field: 'sampleRate' },
  { name: 'timeline', type: 'text', field: 'timeline' },
  { name: 'timeline_total', type: 'integer', field: 'timelineTotal' },
  { name: 'checkpoint_count', type: 'integer', field: 'checkpointCount' },
  { name: 'interrupt_count', type: 'integer', field: 'interruptCount' },
  { name: 'work_units', type: 'real', field: 'workUnits' },
  { name: 'rows_in', type: 'integer', field: 'rowsIn' },
  { name: 'rows_out', type: 'integer', field: 'rowsOut' },
  { name: 'source', type: 'text', field: 'source' },
  { name: 'target', type: 'text', field: 'target' },
  { name: 'input', type: 'text', field: 'input' },
  { name: 'input_hash', type: 'text', field: 'inputHash' },
  { name: 'output', type: 'text', field: 'output' },
  { name: 'cost_usd_micros', type: 'integer', field: 'costUsdMicros' },
  { name: 'tokens_in', type: 'integer', field: 'tokensIn' },
  { name: 'tokens_out', type: 'integer', field: 'tokensOut' },
  { name: 'tokens_cache_read', type: 'integer', field: 'tokensCacheRead' },
  { name: 'tokens_cache_write', type: 'integer', field: 'tokensCacheWrite' },
  { name: 'worker_id', type: 'text', field: 'workerId' },
  { name: 'service_name', type: 'text', notNull: true, field: 'writer', value: (r) => r.writer.serviceName },
  { name: 'service_version', type: 'text', field: 'writer', value: (r) => r.writer.serviceVersion },
  { name: 'instance_id', type: 'text', notNull: true, field: 'instanceId' },
  {
    name: 'service_instance_id',
    type: 'text',
    field: 'writer',
    value: (r) => r.writer.serviceInstanceId,
  },
  { name: 'host', type: 'text', notNull: true, field: 'writer', value: (r) => r.writer.host },
  { name: 'pid', type: 'integer', notNull: true, field: 'writer', value: (r) => r.writer.pid },
  { name: 'attributes', type: 'text', field: 'attributes' },
  { name: 'flags', type: 'text', field: 'flags', value: (r) => r.flags?.join(',') },
  {
    name: 'schema_version',
    type: 'integer',
    notNull: true,
    field: 'recordId',
    value: () => RECORD_SCHEMA_VERSION,
  },
] as const satisfies readonly ExecutionColumn[];

/** Name of a column of `execution_records`. */
export type ExecutionColumnName = (typeof EXECUTION_COLUMNS)[number]['name'];

type ColumnOf<Name extends ExecutionColumnName> = Extract<
  (typeof EXECUTION_COLUMNS)[number],
  { readonly name: Name }
>;
type TypeOf<Column> = Column extends { readonly type: 'text' } ? string : number;

/** A row as it is read back: every column, NULL as `null`. */
export type ExecutionRow = {
  readonly [Name in ExecutionColumnName]:
    | TypeOf<ColumnOf<Name>>
    | (ColumnOf<Name> extends { readonly notNull: true } ? never : null);
};

/** The values of a record in column order. */
export function rowValuesFromRecord(record: ExecutionRecord): SqlValue[] {
  return EXECUTION_COLUMNS.map((column) => columnValue(column, record));
}

/** The row a SQL store keeps of a record. */
export function rowFromRecord(record: ExecutionRecord): ExecutionRow {
  const values = rowValuesFromRecord(record);
  const entries = EXECUTION_COLUMNS.map((column, index) => [column.name, values[index] ?? null]);
  // The columns carry the types of the row, and every one of them is there.
  return Object.fromEntries(entries) as ExecutionRow;
}

/** The value a record puts into a column. */
export function columnValue({ field, value }: ExecutionColumn, record: ExecutionRecord): SqlValue {
  // A column without a function holds a field that is a value already.
  return (value === undefined ? (record[field] as SqlValue | undefined) : value(record)) ?? null;
}
