import { type Baggage, type Context, propagation } from '@opentelemetry/api';
import {
  ATTR_ATTEMPT,
  ATTR_CORRELATION_ID,
  ATTR_PARENT_RECORD_ID,
  ATTR_PIPELINE_NAME,
  ATTR_RUN_ID,
  ATTR_TENANT,
} from '../semconv.ts';

/** Longest id or name taken from, or put into, a carrier. */
const MAX_LENGTH = 256;

/** Nothing an id is made of; a carrier that holds it was not written by us. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what it looks for
const CONTROL = /[\u0000-\u001f\u007f]/;

/** A run as another process handed it over. */
export interface RemoteRun {
  readonly runId: string;
  /** The pipeline that encloses the hand-over. */
  readonly pipeline?: string | undefined;
  /** Record id of the execution that handed over. */
  readonly parentRecordId?: string | undefined;
  readonly correlationId?: string | undefined;
  readonly attempt?: number | undefined;
  readonly tenant?: string | undefined;
}

/** The run the baggage of a context speaks of; undefined where there is none, or none that can be trusted. */
export function remoteRunOf(context: Context): RemoteRun | undefined {
  const baggage = propagation.getBaggage(context);
  if (baggage === undefined) return undefined;
  const runId = entryOf(baggage, ATTR_RUN_ID);
  if (runId === undefined) return undefined;
  const attempt = Number(entryOf(baggage, ATTR_ATTEMPT) ?? Number.NaN);
  return {
    runId,
    pipeline: entryOf(baggage, ATTR_PIPELINE_NAME),
    parentRecordId: entryOf(baggage, ATTR_PARENT_RECORD_ID),
    correlationId: entryOf(baggage, ATTR_CORRELATION_ID),
    attempt: Number.isSafeInteger(attempt) && attempt > 0 ? attempt : undefined,
    tenant: entryOf(baggage, ATTR_TENANT),
  };
}

/** Adds a run to the baggage of a context. Values too long to be ids are left out. */
export function withRemoteRun(context: Context, run: RemoteRun): Context {
  let baggage = propagation.getBaggage(context) ?? propagation.createBaggage();
  for (const [key, value] of [
    [ATTR_RUN_ID, run.runId],
    [ATTR_PIPELINE_NAME, run.pipeline],
    [ATTR_PARENT_RECORD_ID, run.parentRecordId],
    [ATTR_CORRELATION_ID, run.correlationId],
    [ATTR_ATTEMPT, run.attempt === undefined ? undefined : String(run.attempt)],
    [ATTR_TENANT, run.tenant],
  ] as const) {
    if (value !== undefined && isUsable(value)) baggage = baggage.setEntry(key, { value });
    else baggage = baggage.removeEntry(key);
  }
  return propagation.setBaggage(context, baggage);
}

function entryOf(baggage: Baggage, key: string): string | undefined {
  const value = baggage.getEntry(key)?.value;
  return value !== undefined && isUsable(value) ? value : undefined;
}

function isUsable(value: string): boolean {
  return value !== '' && value.length <= MAX_LENGTH && !CONTROL.test(value);
}
