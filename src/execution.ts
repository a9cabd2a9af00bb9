import { createContextKey } from '@opentelemetry/api';

/** What an execution is one run of. */
export type ExecutionKind = 'pipeline' | 'process' | 'step';

/** Where an execution is in its life. `suspended` waits for a resume; only `ended` has an outcome. */
export type ExecutionState = 'pending' | 'running' | 'suspended' | 'ended';

/**
 * How an ended execution went. `failure`: the work failed. `error`: the system failed (killed, interrupted,
 * abandoned). `rejection`: it was never admitted. The first six are the values of `cicd.pipeline.result`
 * (OpenTelemetry semantic conventions 1.44, CI/CD).
 */
export type Outcome = 'success' | 'failure' | 'error' | 'timeout' | 'cancellation' | 'skip' | 'rejection';

/** Why an execution was not admitted. A closed list, so that it can be a metric attribute. */
export type RejectionReason =
  | 'tenant_limit'
  | 'capacity_limit'
  | 'rate_limit'
  | 'queue_full'
  | 'circuit_open'
  | 'policy'
  | 'other';

/** Every {@link Outcome}: those of work that was done first. */
export const OUTCOMES: readonly Outcome[] = [
  'success',
  'failure',
  'error',
  'timeout',
  'cancellation',
  'skip',
  'rejection',
];

/**
 * Whether an outcome counts as failed: it marks the span ERROR, and an ancestor may take it over as its root cause. A
 * cancelled, skipped or rejected execution is none.
 */
export function isFailed(outcome: Outcome): boolean {
  return outcome === 'failure' || outcome === 'error' || outcome === 'timeout';
}

/** A moment in the life of an execution: a checkpoint, an interrupt, a retry that was scheduled. */
export interface Moment {
  /** Milliseconds since the Unix epoch. */
  readonly at: number;
  readonly kind: 'checkpoint' | 'interrupt' | 'resume' | 'retry' | 'heartbeat' | 'detach' | 'attach' | 'mark';
  /** The checkpoint id, the interrupt id, whatever names the moment. */
  readonly ref?: string;
}

/**
 * What the emitting half leaves beside a span because a span can not carry it: OpenTelemetry's
 * `recordException` loses `cause`, `AggregateError.errors` and the class name, and keeps only the newest
 * 128 events. Read by the recording half when the span ends, and collected with the span.
 */
export interface SpanNotes {
  /** The very error object the execution ended with. Absent when it failed without one. */
  readonly error?: unknown;
  /** The first and the last moments of the execution. */
  readonly timeline?: readonly Moment[];
  /** How many moments there were, kept or not. */
  readonly timelineTotal?: number;
}

const spanNotes = new WeakMap<object, SpanNotes>();

/** Leaves notes beside a span, before it ends. */
export function leaveNotes(span: object, notes: SpanNotes): void {
  spanNotes.set(span, notes);
}

/** The notes left beside a span, or undefined where there are none. */
export function notesOf(span: object): SpanNotes | undefined {
  return spanNotes.get(span);
}

/** Wants to be told where a span of another library becomes an execution after it has started. Never throws. */
export interface AdoptionListener {
  adopted(span: object): void;
}

const LISTENERS = Symbol('runledger adoption listeners');

interface ListenedTo {
  [LISTENERS]?: readonly AdoptionListener[];
}

/** Has listeners told where this span is adopted. The list is kept on the span as it is: many spans may share it. */
export function listenToAdoption(span: object, listeners: readonly AdoptionListener[]): void {
  const before = (span as ListenedTo)[LISTENERS];
  (span as ListenedTo)[LISTENERS] = before === undefined ? listeners : [...before, ...listeners];
}

/** Says that a span of another library is an execution from now on: what it is called is on it. */
export function tellAdoption(span: object): void {
  for (const listener of (span as ListenedTo)[LISTENERS] ?? []) listener.adopted(span);
}

/** What the context carries about the execution whose code is running. */
export interface ActiveExecution {
  readonly kind: ExecutionKind;
  readonly name: string;
  /** Id of the run this execution belongs to: the outermost pipeline, or the execution itself where it has none. */
  readonly runId: string;
  /** The execution's current span, on which the recording half keeps what it knows. */
  readonly span: object;
}

/**
 * The context key under which an {@link ActiveExecution} travels. Contexts are inherited through spans of other
 * libraries, sampled or not, so a child finds its parent execution whatever lies between the two.
 */
export const ACTIVE_EXECUTION_KEY: symbol = /* @__PURE__ */ createContextKey('runledger active execution');
