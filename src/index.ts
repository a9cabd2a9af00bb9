export type { EngineName } from './engines.ts';
export {
  type ExecutionKind,
  type ExecutionState,
  isFailed,
  type Moment,
  OUTCOMES,
  type Outcome,
  type RejectionReason,
} from './execution.ts';
export type { BatchOptions, RetryOptions } from './export/batch-options.ts';
export { BatchRecordExporter } from './export/batch-record-exporter.ts';
export { registerExporterMetrics } from './export/exporter-metrics.ts';
export type {
  DropReason,
  RecordAccounts,
  RecordExporter,
  ShutdownReport,
} from './export/record-exporter.ts';
export {
  pruneOnSchedule,
  type RetentionSchedule,
  type RetentionScheduleOptions,
} from './export/retention-schedule.ts';
export { type EngineHook, instrument } from './instrumentation/engine-hooks.ts';
export type { EngineOptions, EnginesOptions } from './instrumentation/engine-options.ts';
export type { PipelineInstrumentationConfig } from './instrumentation/instrumentation-config.ts';
export { PipelineInstrumentation } from './instrumentation/pipeline-instrumentation.ts';
export { adoptSpan } from './lifecycle/adopted-execution.ts';
export { type Attempt, type AttemptsOptions, attempts } from './lifecycle/attempts.ts';
export {
  PIPELINE_CHANNELS,
  type PipelineEventMessage,
  type PipelineMessage,
  subscribePipelineChannels,
} from './lifecycle/channels.ts';
export { currentExecution } from './lifecycle/current-execution.ts';
export { attachPipeline } from './lifecycle/detached-execution.ts';
export type { Execution } from './lifecycle/execution-handle.ts';
export type { ExecutionOptions, Work } from './lifecycle/execution-options.ts';
export {
  type AnswerEvent,
  type EndEvent,
  type ErrorEvent,
  type MomentEvent,
  PipelineHooks,
  type PipelineHooksOptions,
  type StartEvent,
} from './lifecycle/hooks.ts';
export type { CaptureInput } from './lifecycle/lifecycle-settings.ts';
export { type LinkKind, type LinkTarget, linksTo } from './lifecycle/links.ts';
export { type ErrorClassifier, RejectedError, type Rejection, SkipError } from './lifecycle/outcome.ts';
export { extractExecution, type InjectOptions, injectExecution } from './lifecycle/propagation.ts';
export {
  definePipeline,
  type Pipeline,
  type PipelineDefinition,
  runPipeline,
  runProcess,
  runStep,
  startPipeline,
} from './lifecycle/run-pipeline.ts';
export {
  type EmittedLogRecord,
  ExceptionLogProcessor,
  type LogRecordProcessorShape,
} from './processor/exception-log-processor.ts';
export {
  ExecutionSpanProcessor,
  type ExecutionSpanProcessorOptions,
} from './processor/execution-span-processor.ts';
export type { LiveExecutionView } from './processor/live-execution.ts';
export { type RecordSampler, recordExecutions, type SamplerShape } from './processor/record-sampler.ts';
export type { ForeignSpan } from './recognisers/foreign-span.ts';
export type { RecogniseOptions, RuleName } from './recognisers/recognise-options.ts';
export type { RuleKind, SpanEnding, SpanRule, SpanSegment, SpanValue } from './recognisers/span-rule.ts';
export type { EndedSpan, EndedSpanEvent, SpanProcessorShape, StartedSpan } from './records/ended-span.ts';
export type {
  ExecutionRecord,
  FailedStepRef,
  KeepReason,
  RecordFlag,
  RecordSource,
} from './records/execution-record.ts';
export type { KeepPolicyOptions } from './records/keep-policy.ts';
export type { RedactRecord } from './records/redaction.ts';
export type { PrometheusOptions, ResolvedOptions, RunledgerOptions } from './sdk/options.ts';
export { currentRunledger } from './sdk/process-ledger.ts';
export { createRunledger, type Runledger } from './sdk/runledger.ts';
export { type RunledgerConfiguration, withRunledger } from './sdk/with-runledger.ts';
export { MemoryRecordStore, type MemoryRecordStoreOptions } from './store/memory-record-store.ts';
export type { PruneReport, QuarantinedRecord, RecordStore, RetentionPolicy } from './store/record-store.ts';
export { VERSION } from './version.ts';
