import {
  type Attributes,
  type Context,
  type HrTime,
  type Link,
  ROOT_CONTEXT,
  type Span,
  type SpanContext,
  trace,
} from '@opentelemetry/api';
import { type ExecutionKind, tellAdoption } from '../execution.ts';
import { recordIdOf } from '../record-id.ts';
import {
  ATTR_INTERRUPT_COUNT,
  ATTR_PARENT_RECORD_ID,
  ATTR_RECORD_ID,
  ATTR_SEGMENT,
  ATTR_STARTED_AT,
  ATTR_STATE,
  ATTR_SUSPENDED_MS,
} from '../semconv.ts';
import { cicdEndAttributes, cicdStartAttributes } from './cicd-semconv.ts';
import type { ExecutionNotes } from './execution-notes.ts';
import { type ExecutionOptions, RETRY_TRAIL } from './execution-options.ts';
import type { Interrupts } from './interrupts.ts';
import { lifecycleSettings } from './lifecycle-settings.ts';
import { linksTo } from './links.ts';
import { describeError } from './outcome.ts';
import { activeTracer, type Ending, endSpan, openSpan, writeEnding } from './pipeline-tracer.ts';
import { report } from './report.ts';
import type { RunIdentity } from './run-identity.ts';
import type { SharedRecord } from './shared-record.ts';
import {
  addAttempt,
  addIdentity,
  addOptions,
  addSharedRecord,
  namingAttributes,
  startedAtOf,
} from './start-attributes.ts';

/** What the spans of an execution are named and told apart by. */
interface SpanOwner {
  readonly kind: ExecutionKind;
  readonly name: string;
  readonly attempt: number;
  readonly pipeline: string | undefined;
  readonly identity: RunIdentity;
}

/** The execution a span's execution belongs to. */
interface SpanParent {
  readonly currentSpan: Span | undefined;
  readonly recordId: string | undefined;
}

/** What the next segment of an execution must know of the ones before. */
export interface SegmentState {
  /** Undefined where no span was recorded. */
  readonly recordId: string | undefined;
  /** Milliseconds since the Unix epoch at which the first segment started. */
  readonly startedAt: number | undefined;
  /** Number of the newest segment. */
  readonly segment: number;
  readonly previous: SpanContext | undefined;
  readonly parent: SpanContext | undefined;
  readonly startAttributes: Attributes;
}

/**
 * The spans of one execution: one, or one for each stretch between suspensions, in which case each links to the one
 * before and carries everything a reader needs to see them as one execution. Nobody else starts or ends them.
 */
export class ExecutionSpans {
  readonly #owner: SpanOwner;
  #parent: SpanParent | undefined;
  #parentContext: Context;
  #span: Span | undefined;
  #startAttributes: Attributes | undefined;
  #origin: SegmentState | undefined;
  #shared: SharedRecord | undefined;
  /** Whether the current span is another library's, which ends it. */
  #isAdopted = false;
  #ended: WeakSet<Span> | undefined;

  constructor(owner: SpanOwner, parent: SpanParent | undefined, parentContext: Context) {
    this.#owner = owner;
    this.#parent = parent;
    this.#parentContext = parentContext;
  }

  /** The span that is open, or was last. */
  get current(): Span | undefined {
    return this.#span;
  }

  /** Whether the current span takes what is written to it. */
  get isRecording(): boolean {
    return this.#span?.isRecording() === true;
  }

  /** Whether what is said about the execution reaches a span, now or after a resume. */
  get isObserved(): boolean {
    return this.isRecording || this.#origin !== undefined;
  }

  get recordId(): string | undefined {
    if (this.#origin !== undefined) return this.#origin.recordId;
    if (this.#span === undefined) return undefined;
    return this.#shared?.id ?? recordIdOfSpan(this.#span);
  }

  /** Id under which the ledger keeps the execution it belongs to, while it runs. */
  get parentRecordId(): string | undefined {
    return this.#parent?.recordId ?? this.#owner.identity.remote?.parentRecordId;
  }

  /**
   * Starts the first span, or takes over one that another library started. Nothing the caller's options hold can make
   * it throw.
   */
  start(options: ExecutionOptions | undefined, given?: Span): void {
    const tracer = activeTracer();
    const adopted = given?.isRecording() === true ? given : undefined;
    if (tracer === undefined && adopted === undefined) return;
    const { kind, name, identity } = this.#owner;
    // Whoever reads an adopted span need not have seen what it belongs to.
    const attributes = this.#ownAttributes(adopted !== undefined);
    let links: Link[] = [];
    let startTime: number | undefined;
    if (options !== undefined) {
      try {
        addOptions(attributes, options);
        links = linksOf(options);
        startTime = startedAtOf(options);
        if (options.record !== undefined) addSharedRecord(attributes, options.record);
        this.#shared = options.record;
      } catch (error) {
        report('warn', `options of "${name}" can not be read: ${describeError(error).message}`);
      }
    }
    if (lifecycleSettings().cicd) {
      Object.assign(
        attributes,
        cicdStartAttributes(kind, name, kind === 'pipeline' ? identity.id : undefined),
      );
    }
    this.#startAttributes = attributes;
    if (adopted !== undefined) this.#adopt(adopted, attributes, links);
    else if (tracer !== undefined) {
      const spanOptions = {
        attributes,
        ...(links.length > 0 && { links }),
        ...(startTime !== undefined && { startTime }),
      };
      const spanName = `${kind} ${name}`;
      this.#span = openSpan(tracer, spanName, spanOptions, this.#parentContext);
      if (this.#span === undefined && options !== undefined) {
        // It may have been a value of the caller's that can not even be looked at.
        this.#startAttributes = this.#ownAttributes(false);
        this.#span = openSpan(tracer, spanName, { attributes: this.#startAttributes }, this.#parentContext);
      }
    }
    if (this.#span !== undefined) options?.[RETRY_TRAIL]?.started(this.#owner, this.#span.spanContext());
  }

  /** What is known without the caller's options. */
  #ownAttributes(isIdentityNeeded: boolean): Attributes {
    const { kind, name, attempt, identity, pipeline } = this.#owner;
    const attributes = namingAttributes(kind, name);
    if (isIdentityNeeded || this.#parent?.currentSpan?.isRecording() !== true) {
      addIdentity(attributes, identity, pipeline, this.parentRecordId);
    }
    addAttempt(attributes, attempt);
    return attributes;
  }

  /** The name of the span stays: it is its library's. */
  #adopt(span: Span, attributes: Attributes, links: Link[]): void {
    this.#isAdopted = true;
    this.#span = span;
    try {
      span.setAttributes(attributes);
      if (links.length > 0) span.addLinks(links);
      tellAdoption(span);
    } catch (error) {
      report('warn', `an execution is not on the span it adopts: ${describeError(error).message}`);
    }
  }

  /** The owner was called a step until now. The step's name stays on the span: attributes can not be taken back. */
  becomeProcess(): void {
    const { name } = this.#owner;
    const attributes = namingAttributes('process', name);
    if (this.#startAttributes !== undefined) Object.assign(this.#startAttributes, attributes);
    if (this.#origin !== undefined) Object.assign(this.#origin.startAttributes, attributes);
    if (!this.isRecording) return;
    this.#span?.setAttributes(attributes);
    if (!this.#isAdopted) this.#span?.updateName(`process ${name}`);
  }

  /** Ends the last span, and forgets the parent: work that each starts after the work before would keep all of it. */
  end(ending: Ending, notes: ExecutionNotes | undefined): void {
    this.#parent = undefined;
    this.#parentContext = ROOT_CONTEXT;
    if (this.#span === undefined) return;
    const cicd = lifecycleSettings().cicd ? cicdEndAttributes(this.#owner.kind, ending.outcome) : undefined;
    const attributes = cicd === undefined ? notes?.attributes : { ...notes?.attributes, ...cicd };
    this.#close(ending, attributes, notes);
  }

  #close(ending: Ending | undefined, attributes: Attributes | undefined, notes: ExecutionNotes | undefined) {
    if (this.#span === undefined) return;
    writeEnding(this.#span, ending, attributes, notes?.timeline);
    if (!this.#isAdopted) endSpan(this.#span);
  }

  /** Ends the current span as one that is not the last. */
  suspend(notes: ExecutionNotes | undefined): void {
    if (this.#span?.isRecording() !== true) return;
    this.#origin = this.state();
    this.#ended ??= new WeakSet();
    this.#ended.add(this.#span);
    const state = { ...suspensionAttributes(notes?.interrupts), [ATTR_STATE]: 'suspended' };
    this.#close(undefined, { ...notes?.attributes, ...state }, notes);
  }

  /** Starts the next span. It says again whose it is, because by now its parent may have ended. */
  resume(notes: ExecutionNotes | undefined): void {
    const origin = this.#origin;
    const tracer = activeTracer();
    if (origin === undefined || tracer === undefined) return;
    const { kind, name, identity, pipeline } = this.#owner;
    const attributes = namingAttributes(kind, name);
    addIdentity(attributes, identity, pipeline, this.parentRecordId);
    if (origin.recordId !== undefined) attributes[ATTR_RECORD_ID] = origin.recordId;
    if (origin.startedAt !== undefined) attributes[ATTR_STARTED_AT] = origin.startedAt;
    attributes[ATTR_SEGMENT] = origin.segment + 1;
    Object.assign(attributes, suspensionAttributes(notes?.interrupts), origin.startAttributes);
    const links = [...linksTo('resume', origin.previous)];
    const span = openSpan(tracer, `${kind} ${name}`, { attributes, links }, this.#parentContext);
    if (span === undefined) return;
    this.#span = span;
    this.#isAdopted = false;
    this.#origin = { ...origin, segment: origin.segment + 1, previous: span.spanContext() };
  }

  /** What the next segment must know. */
  state(): SegmentState {
    const span = this.#span;
    const parent = trace.getSpanContext(this.#parentContext);
    return (
      this.#origin ?? {
        recordId: this.recordId,
        startedAt: this.#shared?.startedAt ?? (span === undefined ? undefined : startedAtOfSpan(span)),
        segment: this.#shared?.segment ?? 1,
        previous: span?.spanContext(),
        parent: parent !== undefined && trace.isSpanContextValid(parent) ? parent : undefined,
        startAttributes: this.#startAttributesOfSegments(),
      }
    );
  }

  #startAttributesOfSegments(): Attributes {
    const parentRecordId = this.#parent?.recordId;
    return parentRecordId === undefined
      ? (this.#startAttributes ?? {})
      : { ...this.#startAttributes, [ATTR_PARENT_RECORD_ID]: parentRecordId };
  }

  /** Goes on from segments of another process. */
  restore(state: SegmentState): void {
    this.#origin = state;
  }

  /** `active`, with the current span in place of one of ours that ended at a suspension. */
  withCurrentSpan(active: Context): Context {
    if (this.#ended === undefined || this.#span === undefined) return active;
    const span = trace.getSpan(active);
    return span !== undefined && this.#ended.has(span) ? trace.setSpan(active, this.#span) : active;
  }
}

function linksOf(options: ExecutionOptions): Link[] {
  const previous = options[RETRY_TRAIL]?.previous;
  return [...(options.links ?? []), ...linksTo('retry', previous)];
}

/** The time suspended so far; a suspension that begins now has no part in it. */
function suspensionAttributes(interrupts: Interrupts | undefined): Attributes {
  return {
    [ATTR_SUSPENDED_MS]: interrupts?.suspendedMs(interrupts.since ?? 0) ?? 0,
    [ATTR_INTERRUPT_COUNT]: interrupts?.count ?? 0,
  };
}

/** Start time of an SDK span. The API does not show it, both SDK lines have it, other tracers may not. */
function startTimeOf(span: Span): HrTime | undefined {
  const { startTime } = span as { startTime?: unknown };
  if (!Array.isArray(startTime) || startTime.length !== 2) return undefined;
  return startTime as unknown as HrTime;
}

function startedAtOfSpan(span: Span): number | undefined {
  const startTime = startTimeOf(span);
  return startTime === undefined ? undefined : startTime[0] * 1_000 + startTime[1] / 1_000_000;
}

function recordIdOfSpan(span: Span): string | undefined {
  const startTime = startTimeOf(span);
  return startTime === undefined ? undefined : recordIdOf(startTime, span.spanContext().spanId);
}
