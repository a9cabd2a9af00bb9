import type { AttributeValue } from '@opentelemetry/api';
import type { ExecutionKind } from '../execution.ts';
import { recordIdOf } from '../record-id.ts';
import {
  ATTR_ATTEMPT,
  ATTR_CORRELATION_ID,
  ATTR_KIND,
  ATTR_PARENT_RECORD_ID,
  ATTR_PIPELINE_NAME,
  ATTR_PROCESS_NAME,
  ATTR_RECORD_ID,
  ATTR_RUN_ID,
  ATTR_STARTED_AT,
  ATTR_STEP_NAME,
  ATTR_TENANT,
} from '../semconv.ts';
import { boundedText, RecordMarks, TEXT_BOUNDS } from './bounded-text.ts';
import type { EndedSpan } from './ended-span.ts';
import type { RecordFlag } from './execution-record.ts';
import { hrTimeOf, isUsableTime, millisOf } from './span-times.ts';

/** What identifies an execution: said by its span when it starts, or inherited from its parent execution. */
export interface ExecutionFacts {
  readonly recordId: string;
  readonly kind: ExecutionKind;
  readonly name: string;
  readonly pipeline: string | undefined;
  readonly runId: string;
  readonly correlationId: string | undefined;
  readonly tenant: string | undefined;
  readonly attempt: number;
  /** Milliseconds since the Unix epoch. */
  readonly startedAt: number;
  readonly parentRecordId: string | undefined;
  /** Whether it is the outermost execution of its run, as far as anybody said. */
  readonly isRun: boolean;
  readonly flags: readonly RecordFlag[] | undefined;
}

/** The kind of the execution a span is, or undefined where it is none. */
export function kindOf(span: EndedSpan): ExecutionKind | undefined {
  const kind = span.attributes[ATTR_KIND];
  return kind === 'step' || kind === 'process' || kind === 'pipeline' ? kind : undefined;
}

/**
 * The facts of an execution from its span and, where it is known, its parent. One pass over the attributes: a step
 * in the middle of a run has two or three, and looking each name up would cost more than the rest.
 */
export function factsOf(
  span: EndedSpan,
  kind: ExecutionKind,
  parent: ExecutionFacts | undefined,
  now: () => number,
): ExecutionFacts {
  const { attributes } = span;
  const marks = new RecordMarks();
  let name: string | undefined;
  let pipeline = parent?.pipeline;
  let runId = parent?.runId;
  let correlationId = parent?.correlationId;
  let tenant = parent?.tenant;
  let parentRecordId = parent?.recordId;
  let recordId: string | undefined;
  let startedAt: number | undefined;
  let attempt = 1;
  for (const key in attributes) {
    if (key === ATTR_KIND) continue;
    const value = attributes[key];
    switch (key) {
      case ATTR_STEP_NAME:
        if (kind === 'step') name = named(value, TEXT_BOUNDS.name, marks);
        break;
      case ATTR_PROCESS_NAME:
        if (kind === 'process') name = named(value, TEXT_BOUNDS.name, marks);
        break;
      case ATTR_PIPELINE_NAME:
        pipeline = named(value, TEXT_BOUNDS.name, marks) ?? pipeline;
        if (kind === 'pipeline') name = pipeline;
        break;
      case ATTR_RUN_ID:
        runId = named(value, TEXT_BOUNDS.id, marks) ?? runId;
        break;
      case ATTR_CORRELATION_ID:
        correlationId = named(value, TEXT_BOUNDS.id, marks) ?? correlationId;
        break;
      case ATTR_TENANT:
        tenant = named(value, TEXT_BOUNDS.id, marks) ?? tenant;
        break;
      case ATTR_PARENT_RECORD_ID:
        parentRecordId ??= named(value, TEXT_BOUNDS.id, marks);
        break;
      case ATTR_RECORD_ID:
        recordId = named(value, TEXT_BOUNDS.id, marks);
        break;
      case ATTR_STARTED_AT:
        if (typeof value === 'number' && isUsableTime(hrTimeOf(value))) startedAt = millisOf(hrTimeOf(value));
        break;
      case ATTR_ATTEMPT:
        if (typeof value === 'number' && Number.isSafeInteger(value) && value > 0) attempt = value;
        break;
    }
  }
  if (parent === undefined && parentRecordId !== undefined) marks.add('remote_parent');
  let start = span.startTime;
  if (!isUsableTime(start)) {
    start = hrTimeOf(now());
    marks.add('clock_suspect');
  }
  recordId ??= recordIdOf(start, span.spanContext().spanId);
  name ??= nameFromSpan(span.name, kind, marks);
  return {
    recordId,
    kind,
    name,
    pipeline: kind === 'pipeline' ? name : pipeline,
    runId: runId ?? recordId,
    correlationId,
    tenant,
    attempt,
    startedAt: startedAt ?? millisOf(start),
    parentRecordId,
    isRun: parentRecordId === undefined,
    flags: marks.flags,
  };
}

function named(value: AttributeValue | undefined, maxBytes: number, marks: RecordMarks): string | undefined {
  return typeof value === 'string' && value !== '' ? boundedText(value, maxBytes, marks) : undefined;
}

/** Spans of executions are named `pipeline {name}`, `process {name}`, `step {name}`. */
function nameFromSpan(spanName: string, kind: ExecutionKind, marks: RecordMarks): string {
  const prefix = `${kind} `;
  const name = spanName.startsWith(prefix) ? spanName.slice(prefix.length) : spanName;
  return boundedText(name === '' ? kind : name, TEXT_BOUNDS.name, marks);
}
