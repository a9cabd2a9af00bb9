import type { Attributes } from '@opentelemetry/api';
import type { ExecutionKind, Moment } from '../execution.ts';
import { ExecutionNotes } from './execution-notes.ts';
import type { SegmentState } from './execution-spans.ts';
import { Interrupts, type OpenInterrupt } from './interrupts.ts';
import { describeError } from './outcome.ts';
import { report } from './report.ts';
import { Timeline } from './timeline.ts';
import { spanContextFromTraceparent, traceparentFromSpanContext } from './traceparent.ts';

/** What an execution that was let go of needs to go on elsewhere. */
export interface DetachedState {
  readonly kind: ExecutionKind;
  readonly name: string;
  readonly attempt: number;
  readonly pipeline: string | undefined;
  readonly runId: string;
  readonly correlationId: string | undefined;
  readonly tenant: string | undefined;
  readonly notes: ExecutionNotes;
  readonly spans: SegmentState;
}

const VERSION = 1;

/** The JSON of a token. It holds names, ids, counts and the execution's attributes, so treat it as you treat those. */
interface Token {
  readonly v: typeof VERSION;
  readonly kind: ExecutionKind;
  readonly name: string;
  readonly attempt: number;
  readonly pipeline?: string | undefined;
  readonly runId: string;
  readonly correlationId?: string | undefined;
  readonly tenant?: string | undefined;
  readonly recordId?: string | undefined;
  readonly startedAt?: number | undefined;
  readonly segment: number;
  readonly traceparent?: string | undefined;
  readonly parent?: string | undefined;
  readonly startAttributes: Attributes;
  readonly endAttributes?: Attributes | undefined;
  readonly interruptCount: number;
  readonly suspendedMs: number;
  readonly suspendedSince?: number | undefined;
  readonly open: readonly OpenInterrupt[];
  readonly moments?: readonly Moment[] | undefined;
  readonly momentsTotal?: number | undefined;
}

/** The state as a token. */
export function tokenFromState(state: DetachedState): string {
  const { spans } = state;
  const { attributes, interrupts, timeline } = state.notes;
  const token: Token = {
    v: VERSION,
    kind: state.kind,
    name: state.name,
    attempt: state.attempt,
    pipeline: state.pipeline,
    runId: state.runId,
    correlationId: state.correlationId,
    tenant: state.tenant,
    recordId: spans.recordId,
    startedAt: spans.startedAt,
    segment: spans.segment,
    traceparent: spans.previous && traceparentFromSpanContext(spans.previous),
    parent: spans.parent && traceparentFromSpanContext(spans.parent),
    startAttributes: spans.startAttributes,
    endAttributes: attributes,
    interruptCount: interrupts.count,
    suspendedMs: interrupts.suspendedMs(interrupts.since ?? 0),
    suspendedSince: interrupts.since,
    open: interrupts.open,
    moments: timeline?.moments(),
    momentsTotal: timeline?.total,
  };
  try {
    return JSON.stringify(token, withoutBigInts);
  } catch (error) {
    report('warn', `what a detached execution was told is lost: ${describeError(error).message}`);
    return JSON.stringify({ ...token, ...UNTOLD });
  }
}

/** Counts that come from a database may be big integers, which JSON does not know. */
function withoutBigInts(_key: string, value: unknown): unknown {
  return typeof value === 'bigint' ? Number(value) : value;
}

/** The fields that hold what callers gave: without them the execution is still itself. */
const UNTOLD: Partial<Token> = { startAttributes: {}, endAttributes: {}, open: [], moments: [] };

/** The state a token holds; undefined where it is not one of ours. Never throws. */
export function stateFromToken(text: unknown): DetachedState | undefined {
  const token = parseToken(text);
  if (token === undefined) return undefined;
  return {
    kind: token.kind,
    name: token.name,
    attempt: token.attempt,
    pipeline: stringOrNothing(token.pipeline),
    runId: token.runId,
    correlationId: stringOrNothing(token.correlationId),
    tenant: stringOrNothing(token.tenant),
    notes: notesFromToken(token),
    spans: {
      recordId: stringOrNothing(token.recordId),
      startedAt: numberOrNothing(token.startedAt),
      segment: token.segment,
      previous: spanContextFromTraceparent(token.traceparent),
      parent: spanContextFromTraceparent(token.parent),
      startAttributes: token.startAttributes,
    },
  };
}

function notesFromToken(token: Token): ExecutionNotes {
  const interrupts = new Interrupts(
    token.interruptCount,
    token.suspendedMs,
    token.open.filter(isOpenInterrupt),
    numberOrNothing(token.suspendedSince),
  );
  const timeline = Array.isArray(token.moments)
    ? Timeline.from(token.moments.filter(isMoment), numberOrNothing(token.momentsTotal) ?? 0)
    : undefined;
  return new ExecutionNotes(isObject(token.endAttributes) ? token.endAttributes : {}, interrupts, timeline);
}

function parseToken(text: unknown): Token | undefined {
  if (typeof text !== 'string') return undefined;
  try {
    const token: unknown = JSON.parse(text);
    return isToken(token) ? token : undefined;
  } catch (error) {
    report('debug', 'a token is no JSON', error);
    return undefined;
  }
}

function isToken(value: unknown): value is Token {
  return (
    isObject(value) &&
    value.v === VERSION &&
    (value.kind === 'pipeline' || value.kind === 'process' || value.kind === 'step') &&
    typeof value.name === 'string' &&
    typeof value.runId === 'string' &&
    value.runId !== '' &&
    isCount(value.attempt) &&
    isCount(value.segment) &&
    isCount(value.interruptCount) &&
    isCount(value.suspendedMs) &&
    isObject(value.startAttributes) &&
    Array.isArray(value.open)
  );
}

function isOpenInterrupt(value: unknown): value is OpenInterrupt {
  return (
    isObject(value) &&
    typeof value.id === 'string' &&
    typeof value.kind === 'string' &&
    typeof value.at === 'number'
  );
}

function isMoment(value: unknown): value is Moment {
  return isObject(value) && typeof value.at === 'number' && typeof value.kind === 'string';
}

function isObject(value: unknown): value is Record<string, never> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isCount(value: unknown): value is number {
  return typeof value === 'number' && Number.isFinite(value) && value >= 0;
}

function stringOrNothing(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined;
}

function numberOrNothing(value: unknown): number | undefined {
  return typeof value === 'number' && Number.isFinite(value) ? value : undefined;
}
