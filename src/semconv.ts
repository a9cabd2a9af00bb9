/**
 * Attribute, event and metric names. `runledger.*` is our own namespace; the rest is reused as the OpenTelemetry
 * semantic conventions 1.45 define it. Unstable names are copied here, as the conventions advise.
 */

/** Instrumentation scope of our tracer and meter. */
export const SCOPE_NAME = 'runledger';

// Identity: set when the span starts, because attribute limits drop the last ones.
/** `pipeline | process | step`. Its presence is what makes a span an execution. */
export const ATTR_KIND = 'runledger.kind';
/** Name of the pipeline: on the pipeline's own span, and on every execution without a parent in this process. */
export const ATTR_PIPELINE_NAME = 'runledger.pipeline.name';
export const ATTR_PIPELINE_VERSION = 'runledger.pipeline.version';
/** Hash of the pipeline's definition (its code or its document), as the caller computed it. */
export const ATTR_DEFINITION_HASH = 'runledger.definition.hash';
export const ATTR_PROCESS_NAME = 'runledger.process.name';
export const ATTR_STEP_NAME = 'runledger.step.name';
/** On a run's first execution, and on every execution without a parent in this process; the others inherit it. */
export const ATTR_RUN_ID = 'runledger.run.id';
/** Record id of the parent execution, where that one lives in another process. */
export const ATTR_PARENT_RECORD_ID = 'runledger.parent.record.id';
/** The business unit the run works on; stable over attempts. */
export const ATTR_CORRELATION_ID = 'runledger.correlation.id';
/** 1 for the first try; absent means 1. */
export const ATTR_ATTEMPT = 'runledger.attempt';
export const ATTR_MAX_ATTEMPTS = 'runledger.max_attempts';
export const ATTR_TENANT = 'runledger.tenant';
/** What ran the execution, where that was not the application itself: the `engine` of a channel message. */
export const ATTR_ENGINE = 'runledger.engine';
export const ATTR_WORKER_ID = 'runledger.worker.id';
/** Milliseconds the work waited between being asked for and being started. */
export const ATTR_WAIT_MS = 'runledger.wait_ms';
export const ATTR_SOURCE = 'runledger.source';
export const ATTR_TARGET = 'runledger.target';
/** `true`: keep every record of this run, whatever the keep policy says. */
export const ATTR_KEEP = 'runledger.keep';

// Segments: an execution that was suspended or detached goes on in a new span, linked to the one before.
/** Record id of the execution; on every segment after the first. */
export const ATTR_RECORD_ID = 'runledger.record.id';
/** 1 for the first segment; absent means 1. */
export const ATTR_SEGMENT = 'runledger.segment';
/** Milliseconds since the Unix epoch at which the first segment started. */
export const ATTR_STARTED_AT = 'runledger.started_at';
/** `suspended` on a segment that is not the last; absent on an execution that ended. */
export const ATTR_STATE = 'runledger.state';
/** Milliseconds the execution was suspended so far, overlapping interrupts counted once. */
export const ATTR_SUSPENDED_MS = 'runledger.suspended_ms';

// Outcome: set when the span ends.
export const ATTR_OUTCOME = 'runledger.outcome';
/** Stable. Class of the error, `_OTHER` where there is none (semconv, "Recording errors"). */
export const ATTR_ERROR_TYPE = 'error.type';
export const ERROR_TYPE_OTHER = '_OTHER';
/** The error's own `code`, such as `ECONNREFUSED` or `SQLITE_BUSY`. */
export const ATTR_ERROR_CODE = 'runledger.error.code';
export const ATTR_SKIP_REASON = 'runledger.skip.reason';
export const ATTR_REJECTION_REASON = 'runledger.rejection.reason';
export const ATTR_REJECTION_DETAIL = 'runledger.rejection.detail';
export const ATTR_REJECTION_LIMIT = 'runledger.rejection.limit';
export const ATTR_REJECTION_CURRENT = 'runledger.rejection.current';
/** `true` when no further attempt follows this one. */
export const ATTR_FINAL = 'runledger.final';
export const ATTR_CHECKPOINT_COUNT = 'runledger.checkpoint.count';
export const ATTR_INTERRUPT_COUNT = 'runledger.interrupt.count';

// Work: what the execution says it did.
/** Units of work done, in the caller's own unit: nodes visited, messages handled. */
export const ATTR_WORK_UNITS = 'runledger.work.units';
export const ATTR_ROWS_IN = 'runledger.rows.in';
export const ATTR_ROWS_OUT = 'runledger.rows.out';
/** Captured input and output as bounded JSON; only where capture was asked for. */
export const ATTR_INPUT = 'runledger.input';
export const ATTR_INPUT_HASH = 'runledger.input.hash';
export const ATTR_OUTPUT = 'runledger.output';
export const ATTR_COST_USD = 'runledger.cost.usd';
/** Development (semantic-conventions-genai). */
export const ATTR_TOKENS_IN = 'gen_ai.usage.input_tokens';
export const ATTR_TOKENS_OUT = 'gen_ai.usage.output_tokens';
export const ATTR_TOKENS_CACHE_READ = 'gen_ai.usage.cache_read.input_tokens';
export const ATTR_TOKENS_CACHE_WRITE = 'gen_ai.usage.cache_creation.input_tokens';

// Set by the recording half on a parent's span while it is still open, for the trace view.
export const ATTR_FAILED_STEP = 'runledger.failed_step.name';
export const ATTR_RECOVERED_FAILURES = 'runledger.recovered_failures';

// Span events.
export const EVENT_CHECKPOINT = 'runledger.checkpoint';
export const EVENT_INTERRUPTED = 'runledger.interrupted';
export const EVENT_RESUMED = 'runledger.resumed';
export const EVENT_RETRY = 'runledger.retry';
export const EVENT_REJECTED = 'runledger.rejected';
/** Id of the checkpoint, the interrupt or the retry an event is about. */
export const ATTR_EVENT_REF = 'runledger.ref';
export const ATTR_INTERRUPT_KIND = 'runledger.interrupt.kind';
/** `retry | resume | replay | trigger`: what a span link means. */
export const ATTR_LINK_KIND = 'runledger.link.kind';

// Metrics of executions.
export const METRIC_EXECUTION_DURATION = 'runledger.execution.duration';
export const METRIC_EXECUTION_ACTIVE = 'runledger.execution.active';
export const METRIC_RUN_LAST_SUCCESS = 'runledger.run.last_success';
export const METRIC_RUN_WAIT = 'runledger.run.wait';
export const METRIC_RETRIES = 'runledger.retries';
export const METRIC_REJECTIONS = 'runledger.rejections';
export const METRIC_INTERRUPT_DURATION = 'runledger.interrupt.duration';
export const METRIC_COST_USD = 'runledger.cost.usd';
export const METRIC_COST_TOKENS = 'runledger.cost.tokens';

// Metrics of the ledger itself.
export const METRIC_RECORDS_CREATED = 'runledger.records.created';
/** Taken over from processes that died. */
export const METRIC_RECORDS_RECOVERED = 'runledger.records.recovered';
export const METRIC_RECORDS_STORED = 'runledger.records.stored';
export const METRIC_RECORDS_SAMPLED_OUT = 'runledger.records.sampled_out';
export const METRIC_RECORDS_DROPPED = 'runledger.records.dropped';
export const METRIC_RECORDS_QUARANTINED = 'runledger.records.quarantined';
export const METRIC_RECORDS_QUEUED = 'runledger.records.queued';
export const METRIC_RECORDS_QUEUED_BYTES = 'runledger.records.queued_bytes';
export const METRIC_RECORDS_SPOOLED = 'runledger.records.spooled';
export const METRIC_SPOOL_BYTES = 'runledger.spool.bytes';
export const METRIC_SPOOL_OLDEST_AGE = 'runledger.spool.oldest_age';
export const METRIC_STORE_BREAKER = 'runledger.store.breaker';
export const METRIC_STORE_WRITE_DURATION = 'runledger.store.write.duration';
export const METRIC_EXECUTIONS_EVICTED = 'runledger.executions.evicted';

// Metric attributes: a short allow-list, never an id.
export const ATTR_NAME = 'runledger.name';
/** Development (semantic-conventions-genai): `input | output`, and our own `cache_read | cache_write`. */
export const ATTR_TOKEN_TYPE = 'gen_ai.token.type';
/** Why a record was dropped or quarantined. */
export const ATTR_REASON = 'runledger.reason';
/** Stands for every name beyond the cap on names. */
export const NAME_OTHER = '_other';

/**
 * Bucket edges in seconds, 5 ms to 4 h. OpenTelemetry's default ends at 10 s, which is useless for pipelines.
 */
export const DURATION_BUCKETS: readonly number[] = [
  0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 900, 1800, 3600, 7200, 14400,
];
