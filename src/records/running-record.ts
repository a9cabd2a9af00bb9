import { ATTR_ENGINE } from '../semconv.ts';
import type { ExecutionFacts } from './execution-facts.ts';
import type { ExecutionRecord, RecordSource } from './execution-record.ts';

/** Which stretch of an execution runs, and where. */
export interface RunningStretch {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId: string | undefined;
  readonly writer: RecordSource;
  /** What runs it, where that is not the application itself. */
  readonly engine: string | undefined;
  /** 1, or more where the execution was suspended before. */
  readonly segment: number;
}

/**
 * The row of an execution that has started and not ended: who it is, without what only its end will tell. Its revision
 * is below that of the suspension or the end of the same stretch, and it takes no `seq`.
 */
export function runningRecord(facts: ExecutionFacts, stretch: RunningStretch): ExecutionRecord {
  const { traceId, spanId, parentSpanId, writer, engine, segment } = stretch;
  return {
    recordId: facts.recordId,
    rev: 2 * segment - 2,
    instanceId: '',
    seq: 0,
    kind: facts.kind,
    name: facts.name,
    pipeline: facts.pipeline,
    runId: facts.runId,
    parentRecordId: facts.parentRecordId,
    traceId,
    spanId,
    parentSpanId,
    correlationId: facts.correlationId,
    attempt: facts.attempt,
    tenant: facts.tenant,
    state: 'running',
    startedAt: facts.startedAt,
    recoveredFailures: 0,
    keepReason: 'all',
    sampleRate: 1,
    ...(engine !== undefined && { attributes: JSON.stringify({ [ATTR_ENGINE]: engine }) }),
    ...(facts.flags !== undefined && { flags: facts.flags }),
    writer,
  };
}
