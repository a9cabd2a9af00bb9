import { type Attributes, type SpanStatus, SpanStatusCode } from '@opentelemetry/api';
import type { ExecutionKind } from '../execution.ts';
import { recordIdOf } from '../record-id.ts';
import type { EndedSpan, EndedSpanEvent } from '../records/ended-span.ts';
import { hrTimeOf } from '../records/span-times.ts';
import {
  ATTR_ATTEMPT,
  ATTR_CORRELATION_ID,
  ATTR_ENGINE,
  ATTR_ERROR_TYPE,
  ATTR_FINAL,
  ATTR_KIND,
  ATTR_OUTCOME,
  ATTR_PARENT_RECORD_ID,
  ATTR_PIPELINE_NAME,
  ATTR_PROCESS_NAME,
  ATTR_RECORD_ID,
  ATTR_RUN_ID,
  ATTR_SEGMENT,
  ATTR_SKIP_REASON,
  ATTR_STARTED_AT,
  ATTR_STATE,
  ATTR_STEP_NAME,
} from '../semconv.ts';
import { parentContextOf, scopeOf } from './foreign-span.ts';
import type { Recognised } from './recognised.ts';
import type { SpanEnding } from './span-rule.ts';

const NAME_ATTRIBUTE: Readonly<Record<ExecutionKind, string>> = {
  pipeline: ATTR_PIPELINE_NAME,
  process: ATTR_PROCESS_NAME,
  step: ATTR_STEP_NAME,
};

const NO_RESOURCE: EndedSpan['resource'] = { attributes: {} };

/** What an execution is by its place among others. */
export interface PlaceOfExecution {
  readonly kind: ExecutionKind;
  readonly runId: string | undefined;
  readonly attempt: number | undefined;
  /** What its parts add to it; what its span says itself wins. */
  readonly parts: Attributes | undefined;
  /** Whether nothing above it is an execution in this process. */
  readonly isLocalRoot: boolean;
}

/**
 * A span of another library as one of ours would be, so that everything behind it knows one kind of span. The span
 * itself stays as it is: what is exported of it does not change.
 */
export function executionView(
  span: EndedSpan,
  recognised: Recognised,
  { kind, runId, attempt, parts, isLocalRoot }: PlaceOfExecution,
): EndedSpan {
  const { ending, segment, parent } = recognised;
  const attributes: Attributes = {
    ...parts,
    ...attributesKept(span.attributes, recognised.keeps),
    [ATTR_KIND]: kind,
    [NAME_ATTRIBUTE[kind]]: recognised.name,
    [ATTR_ENGINE]: recognised.group,
  };
  for (const [name, value] of Object.entries(recognised.attributes ?? {})) put(attributes, name, value);
  put(attributes, ATTR_RUN_ID, runId);
  put(attributes, ATTR_CORRELATION_ID, recognised.correlationId);
  put(attributes, ATTR_ATTEMPT, attempt);
  if (ending !== undefined) putEnding(attributes, ending);
  if (segment !== undefined) {
    attributes[ATTR_RECORD_ID] = segmentRecordId(segment.key, segment.startedAt);
    attributes[ATTR_SEGMENT] = segment.segment;
    attributes[ATTR_STARTED_AT] = segment.startedAt;
  }
  if (parent !== undefined && isLocalRoot)
    attributes[ATTR_PARENT_RECORD_ID] = segmentRecordId(parent.key, parent.startedAt);
  const parentSpanContext = parentContextOf(span);
  return {
    name: span.name,
    startTime: span.startTime,
    endTime: span.endTime,
    duration: span.duration,
    status: statusWith(span.status, ending),
    attributes,
    events: eventsWith(span, ending),
    links: span.links,
    ...(parentSpanContext !== undefined && { parentSpanContext }),
    resource: span.resource ?? NO_RESOURCE,
    instrumentationScope: { name: scopeOf(span) },
    spanContext: () => span.spanContext(),
  };
}

/** What names the error and what is counted is kept in any case: that has columns. */
function attributesKept(attributes: Attributes, keeps: RegExp | undefined): Attributes {
  if (keeps === undefined) return attributes;
  const kept: Attributes = {};
  for (const [name, value] of Object.entries(attributes)) {
    if (name === ATTR_ERROR_TYPE || name.startsWith('gen_ai.usage.') || name.search(keeps) !== -1)
      kept[name] = value;
  }
  return kept;
}

function putEnding(attributes: Attributes, ending: SpanEnding): void {
  if (ending.outcome === 'suspended') attributes[ATTR_STATE] = 'suspended';
  else put(attributes, ATTR_OUTCOME, ending.outcome);
  put(attributes, ATTR_FINAL, ending.isFinal);
  put(attributes, ATTR_ERROR_TYPE, ending.errorType);
  put(attributes, ATTR_SKIP_REASON, ending.skipReason);
}

/** The status of a span whose rule knows better may be that of something else. */
function statusWith(status: SpanStatus, ending: SpanEnding | undefined): SpanStatus {
  if (ending?.errorMessage === undefined) return status;
  return { code: SpanStatusCode.ERROR, message: ending.errorMessage };
}

/** The error a rule found, as the exception event that the span lacks. */
function eventsWith(span: EndedSpan, ending: SpanEnding | undefined): readonly EndedSpanEvent[] {
  if (ending?.errorMessage === undefined) return span.events;
  const { errorType, errorMessage, errorStack } = ending;
  const isSaid = span.events.some(({ attributes }) => attributes?.['exception.message'] === errorMessage);
  if (isSaid) return span.events;
  const attributes: Attributes = { 'exception.message': errorMessage };
  put(attributes, 'exception.type', errorType);
  put(attributes, 'exception.stacktrace', errorStack);
  return [...span.events, { name: 'exception', time: span.endTime, attributes }];
}

/** The same for every span of the execution, in whichever process it ran. */
function segmentRecordId(key: string, startedAt: number): string {
  const { hash } = process.getBuiltinModule('node:crypto');
  return recordIdOf(hrTimeOf(startedAt), hash('sha256', key, 'hex').slice(0, 16));
}

function put(attributes: Attributes, name: string, value: Attributes[string]): void {
  if (value !== undefined) attributes[name] = value;
}
