import type { Attributes, AttributeValue } from '@opentelemetry/api';
import type { ExecutionKind } from '../execution.ts';
import {
  ATTR_ATTEMPT,
  ATTR_CORRELATION_ID,
  ATTR_DEFINITION_HASH,
  ATTR_FINAL,
  ATTR_KEEP,
  ATTR_KIND,
  ATTR_MAX_ATTEMPTS,
  ATTR_PARENT_RECORD_ID,
  ATTR_PIPELINE_NAME,
  ATTR_PIPELINE_VERSION,
  ATTR_PROCESS_NAME,
  ATTR_RECORD_ID,
  ATTR_RUN_ID,
  ATTR_SEGMENT,
  ATTR_SOURCE,
  ATTR_STARTED_AT,
  ATTR_STEP_NAME,
  ATTR_SUSPENDED_MS,
  ATTR_TARGET,
  ATTR_TENANT,
  ATTR_WAIT_MS,
  ATTR_WORKER_ID,
} from '../semconv.ts';
import { captureInput } from './capture.ts';
import type { ExecutionOptions } from './execution-options.ts';
import type { RunIdentity } from './run-identity.ts';
import type { SharedRecord } from './shared-record.ts';

/** The least a span needs to be an execution; all that a step with a live parent and no options carries. */
export function namingAttributes(kind: ExecutionKind, name: string): Attributes {
  if (kind === 'step') return { [ATTR_KIND]: 'step', [ATTR_STEP_NAME]: name };
  if (kind === 'process') return { [ATTR_KIND]: 'process', [ATTR_PROCESS_NAME]: name };
  return { [ATTR_KIND]: 'pipeline', [ATTR_PIPELINE_NAME]: name };
}

/**
 * Adds whom the execution belongs to. Only where no parent that lives in this process can be asked: an attribute
 * costs a span 0.2 µs.
 */
export function addIdentity(
  attributes: Attributes,
  run: RunIdentity,
  pipeline: string | undefined,
  parentRecordId: string | undefined,
): void {
  attributes[ATTR_RUN_ID] = run.id;
  put(attributes, ATTR_PIPELINE_NAME, pipeline);
  put(attributes, ATTR_CORRELATION_ID, run.correlationId);
  put(attributes, ATTR_TENANT, run.tenant);
  put(attributes, ATTR_PARENT_RECORD_ID, parentRecordId);
}

/** Adds what the caller said about the execution. The caller's own attributes come last: limits drop those first. */
export function addOptions(attributes: Attributes, options: ExecutionOptions): void {
  put(attributes, ATTR_RUN_ID, options.runId);
  put(attributes, ATTR_CORRELATION_ID, options.correlationId);
  put(attributes, ATTR_TENANT, options.tenant);
  put(attributes, ATTR_MAX_ATTEMPTS, options.maxAttempts);
  put(attributes, ATTR_FINAL, options.final);
  put(attributes, ATTR_PIPELINE_VERSION, options.version);
  put(attributes, ATTR_DEFINITION_HASH, options.definitionHash);
  put(attributes, ATTR_WAIT_MS, waitMsOf(options));
  put(attributes, ATTR_SOURCE, asAttribute(options.source));
  put(attributes, ATTR_TARGET, asAttribute(options.target));
  put(attributes, ATTR_WORKER_ID, options.workerId);
  put(attributes, ATTR_KEEP, options.keep);
  if (options.input !== undefined) Object.assign(attributes, captureInput(options.input));
  if (options.attributes !== undefined) Object.assign(attributes, options.attributes);
}

/** Adds the attempt, which is left out where it is the first. */
export function addAttempt(attributes: Attributes, attempt: number): void {
  if (attempt !== 1) attributes[ATTR_ATTEMPT] = attempt;
}

/** How long the work waited, in milliseconds; undefined where nobody said. */
export function waitMsOf(options: ExecutionOptions): number | undefined {
  const { waitMs, scheduledFor } = options;
  if (typeof waitMs === 'number') return Number.isNaN(waitMs) ? undefined : Math.max(0, waitMs);
  if (typeof scheduledFor?.getTime !== 'function') return undefined;
  const due = scheduledFor.getTime();
  return Number.isNaN(due) ? undefined : Math.max(0, Date.now() - due);
}

/** When it started, in milliseconds since the Unix epoch; undefined where that is now, or no time at all. */
export function startedAtOf(options: ExecutionOptions | undefined): number | undefined {
  const startTime = options?.startTime;
  if (startTime === undefined) return undefined;
  const at = typeof startTime === 'number' ? startTime : startTime?.getTime?.();
  return typeof at === 'number' && Number.isFinite(at) && at >= 0 ? at : undefined;
}

/** Adds which record it writes, and where it stands in it. */
export function addSharedRecord(attributes: Attributes, record: SharedRecord): void {
  attributes[ATTR_RECORD_ID] = record.id;
  put(attributes, ATTR_SEGMENT, record.segment === 1 ? undefined : record.segment);
  put(attributes, ATTR_STARTED_AT, record.startedAt);
  put(attributes, ATTR_SUSPENDED_MS, record.suspendedMs);
}

/** A list of names as an attribute value. */
export function asAttribute(value: string | readonly string[] | undefined): AttributeValue | undefined {
  return typeof value === 'string' || value === undefined ? value : [...value];
}

function put(attributes: Attributes, key: string, value: AttributeValue | undefined): void {
  if (value !== undefined) attributes[key] = value;
}
