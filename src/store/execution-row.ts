import { type ExecutionRecord, RECORD_SCHEMA_VERSION } from '../records/execution-record.ts';

/** A value every SQL store can bind. */
export type SqlValue = string | number | null;

/** One column of `execution_records`: its type and the value a record puts there. */
export interface ExecutionColumn {
  readonly name: string;
  readonly type: 'text' | 'integer' | 'real';
  readonly notNull?: true;
  readonly value: (record: ExecutionRecord) => SqlValue | undefined;
}

/** The columns in table order; the key is first. New ones are appended, with a migration. */
export const EXECUTION_COLUMNS = [
  { name: 'record_id', type: 'text', notNull: true, value: (r) => r.recordId },
  { name: 'rev', type: 'integer', notNull: true, value: (r) => r.rev },
  { name: 'seq', type: 'integer', notNull: true, value: (r) => r.seq },
  { name: 'kind', type: 'text', notNull: true, value: (r) => r.kind },
  { name: 'name', type: 'text', notNull: true, value: (r) => r.name },
  { name: 'pipeline', type: 'text', value: (r) => r.pipeline },
  { name: 'version', type: 'text', value: (r) => r.version },
  { name: 'definition_hash', type: 'text', value: (r) => r.definitionHash },
  { name: 'run_id', type: 'text', notNull: true, value: (r) => r.runId },
  { name: 'parent_record_id', type: 'text', value: (r) => r.parentRecordId },
  { name: 'trace_id', type: 'text', notNull: true, value: (r) => r.traceId },
  { name: 'span_id', type: 'text', notNull: true, value: (r) => r.spanId },
  { name: 'parent_span_id', type: 'text', value: (r) => r.parentSpanId },
  { name: 'correlation_id', type: 'text', value: (r) => r.correlationId },
  { name: 'attempt', type: 'integer', notNull: true, value: (r) => r.attempt },
  { name: 'final', type: 'integer', value: (r) => (r.final === undefined ? undefined : Number(r.final)) },
  { name: 'tenant', type: 'text', value: (r) => r.tenant },
  { name: 'state', type: 'text', notNull: true, value: (r) => r.state },
  { name: 'outcome', type: 'text', value: (r) => r.outcome },
  { name: 'started_at', type: 'real', notNull: true, value: (r) => r.startedAt },
  { name: 'ended_at', type: 'real', value: (r) => r.endedAt },
  { name: 'duration_ms', type: 'real', value: (r) => r.durationMs },
  { name: 'wait_ms', type: 'real', value: (r) => r.waitMs },
  { name: 'suspended_ms', type: 'real', value: (r) => r.suspendedMs },
  { name: 'error', type: 'text', value: (r) => r.error },
  { name: 'error_type', type: 'text', value: (r) => r.errorType },
  { name: 'error_code', type: 'text', value: (r) => r.errorCode },
  { name: 'error_message', type: 'text', value: (r) => r.errorMessage },
  { name: 'error_stack', type: 'text', value: (r) => r.errorStack },
  { name: 'error_chain', type: 'text', value: (r) => r.errorChain },
  { name: 'error_fingerprint', type: 'text', value: (r) => r.errorFingerprint },
  { name: 'failed_step', type: 'text', value: (r) => r.failedStep },
  { name: 'failed_record_id', type: 'text', value: (r) => r.failedRecordId },
  { name: 'failed_steps', type: 'text', value: (r) => r.failedSteps },
  { name: 'failed_count', type: 'integer', value: (r) => r.failedCount },
  { name: 'recovered_failures', type: 'integer', notNull: true, value: (r) => r.recoveredFailures },
  { name: 'rejection_reason', type: 'text', value: (r) => r.rejectionReason },
  { name: 'rejection_detail', type: 'text', value: (r) => r.rejectionDetail },
  { name: 'skip_reason', type: 'text', value: (r) => r.skipReason },
  { name: 'keep_reason', type: 'text', notNull: true, value: (r) => r.keepReason },
  { name: 'sample_rate', type: 'real', notNull: true, value: (r) => r.sampleRate },
  { name: 'timeline', type: 'text', value: (r) => r.timeline },
  { name: 'timeline_total', type: 'integer', value: (r) => r.timelineTotal },
  { name: 'checkpoint_count', type: 'integer', value: (r) => r.checkpointCount },
  { name: 'interrupt_count', type: 'integer', value: (r) => r.interruptCount },
  { name: 'work_units', type: 'real', value: (r) => r.workUnits },
  { name: 'rows_in', type: 'integer', value: (r) => r.rowsIn },
  { name: 'rows_out', type: 'integer', value: (r) => r.rowsOut },
  { name: 'source', type: 'text', value: (r) => r.source },
  { name: 'target', type: 'text', value: (r) => r.target },
  { name: 'input', type: 'text', value: (r) => r.input },
  { name: 'input_hash', type: 'text', value: (r) => r.inputHash },
  { name: 'output', type: 'text', value: (r) => r.output },
  { name: 'cost_usd_micros', type: 'integer', value: (r) => r.costUsdMicros },
  { name: 'tokens_in', type: 'integer', value: (r) => r.tokensIn },
  { name: 'tokens_out', type: 'integer', value: (r) => r.tokensOut },
  { name: 'tokens_cache_read', type: 'integer', value: (r) => r.tokensCacheRead },
  { name: 'tokens_cache_write', type: 'integer', value: (r) => r.tokensCacheWrite },
  { name: 'worker_id', type: 'text', value: (r) => r.workerId },
  { name: 'service_name', type: 'text', notNull: true, value: (r) => r.writer.serviceName },
  { name: 'service_version', type: 'text', value: (r) => r.writer.serviceVersion },
  { name: 'instance_id', type: 'text', notNull: true, value: (r) => r.writer.instanceId },
  { name: 'host', type: 'text', notNull: true, value: (r) => r.writer.host },
  { name: 'pid', type: 'integer', notNull: true, value: (r) => r.writer.pid },
  { name: 'attributes', type: 'text', value: (r) => r.attributes },
  { name: 'flags', type: 'text', value: (r) => r.flags?.join(',') },
  { name: 'schema_version', type: 'integer', notNull: true, value: () => RECORD_SCHEMA_VERSION },
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
  const values: SqlValue[] = new Array(EXECUTION_COLUMNS.length);
  for (let index = 0; index < EXECUTION_COLUMNS.length; index++) {
    values[index] = (EXECUTION_COLUMNS[index] as ExecutionColumn).value(record) ?? null;
  }
  return values;
}
