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
import type { ExecutionKind } from '../execution.ts';
import { recordIdOf } from '../record-id.ts';
import {
  ATTR_INTERRUPT_COUNT,
  ATTR_LINK_KIND,
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
import { describeError } from './outcome.ts';
import { activeTracer, closeSpan, type Ending, openSpan } from './pipeline-tracer.ts';
import { report } from './report.ts';
import type { RunIdentity } from './run-identity.ts';
import { addAttempt, addIdentity, addOptions, namingAttributes } from './start-attributes.ts';

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
    return this.#origin?.recordId ?? (this.#span === undefined ? undefined : recordIdOfSpan(this.#span));
  }

  /** Starts the first span. Nothing the caller's options hold can make it throw. */
  start(options: ExecutionOptions | undefined): void {
    const tracer = activeTracer();
    if (tracer === undefined) return;
    const { kind, name, identity } = this.#owner;
    const attributes = this.#ownAttributes();
    let links: Link[] = [];
    if (options !== undefined) {
      try {
        addOptions(attributes, options);
        links = linksOf(options);
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
    const spanOptions = links.length === 0 ? { attributes } : { attributes, links };
    const spanName = `${kind} ${name}`;
    this.#span = openSpan(tracer, spanName, spanOptions, this.#parentContext);
    if (this.#span === undefined && options !== undefined) {
      // It may have been a value of the caller's that can not even be looked at.
      this.#startAttributes = this.#ownAttributes();
      this.#span = openSpan(tracer, spanName, { attributes: this.#startAttributes }, this.#parentContext);
    }
    if (this.#span !== undefined) options?.[RETRY_TRAIL]?.started(this.#owner, this.#span.spanContext());
  }

  /** What is known without the caller's options. */
  #ownAttributes(): Attributes {
    const { kind, name, attempt, identity, pipeline } = this.#owner;
    const attributes = namingAttributes(kind, name);
    if (this.#parent?.currentSpan?.isRecording() !== true) {
      addIdentity(attributes, identity, pipeline, this.#parent?.recordId ?? identity.remote?.parentRecordId);
    }
    addAttempt(attributes, attempt);
    return attributes;
  }

  /** The owner was called a step until now. The step's name stays on the span: attributes can not be taken back. */
  becomeProcess(): void {
    const { name } = this.#owner;
    const attributes = namingAttributes('process', name);
    if (this.#startAttributes !== undefined) Object.assign(this.#startAttributes, attributes);
    if (this.#origin !== undefined) Object.assign(this.#origin.startAttributes, attributes);
    if (!this.isRecording) return;
    this.#span?.setAttributes(attributes);
    this.#span?.updateName(`process ${name}`);
  }

  /** Ends the last span, and forgets the parent: work that each starts after the work before would keep all of it. */
  end(ending: Ending, notes: ExecutionNotes | undefined): void {
    this.#parent = undefined;
    this.#parentContext = ROOT_CONTEXT;
    if (this.#span === undefined) return;
    const cicd = lifecycleSettings().cicd ? cicdEndAttributes(this.#owner.kind, ending.outcome) : undefined;
    const attributes = cicd === undefined ? notes?.attributes : { ...notes?.attributes, ...cicd };
    closeSpan(this.#span, ending, attributes, notes?.timeline);
  }

  /** Ends the current span as one that is not the last. */
  suspend(notes: ExecutionNotes | undefined): void {
    if (this.#span?.isRecording() !== true) return;
    this.#origin = this.state();
    this.#ended ??= new WeakSet();
    this.#ended.add(this.#span);
    const state = { ...suspensionAttributes(notes?.interrupts), [ATTR_STATE]: 'suspended' };
    closeSpan(this.#span, undefined, { ...notes?.attributes, ...state }, notes?.timeline);
  }

  /** Starts the next span. It says again whose it is, because by now its parent may have ended. */
  resume(notes: ExecutionNotes | undefined): void {
    const origin = this.#origin;
    const tracer = activeTracer();
    if (origin === undefined || tracer === undefined) return;
    const { kind, name, identity, pipeline } = this.#owner;
    const attributes = namingAttributes(kind, name);
    addIdentity(attributes, identity, pipeline, this.#parent?.recordId ?? identity.remote?.parentRecordId);
    if (origin.recordId !== undefined) attributes[ATTR_RECORD_ID] = origin.recordId;
    if (origin.startedAt !== undefined) attributes[ATTR_STARTED_AT] = origin.startedAt;
    attributes[ATTR_SEGMENT] = origin.segment + 1;
    Object.assign(attributes, suspensionAttributes(notes?.interrupts), origin.startAttributes);
    const links: Link[] =
      origin.previous === undefined
        ? []
        : [{ context: origin.previous, attributes: { [ATTR_LINK_KIND]: 'resume' } }];
    const span = openSpan(tracer, `${kind} ${name}`, { attributes, links }, this.#parentContext);
    if (span === undefined) return;
    this.#span = span;
    this.#origin = { ...origin, segment: origin.segment + 1, previous: span.spanContext() };
  }

  /** What the next segment must know. */
  state(): SegmentState {
    const span = this.#span;
    const parent = trace.getSpanContext(this.#parentContext);
    return (
      this.#origin ?? {
        recordId: this.recordId,
        startedAt: span === undefined ? undefined : startedAtOf(span),
        segment: 1,
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
  const links = options.links === undefined ? [] : [...options.links];
  const previous = options[RETRY_TRAIL]?.previous;
  if (previous !== undefined) links.push({ context: previous, attributes: { [ATTR_LINK_KIND]: 'retry' } });
  return links;
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

function startedAtOf(span: Span): number | undefined {
  const startTime = startTimeOf(span);
  return startTime === undefined ? undefined : startTime[0] * 1_000 + startTime[1] / 1_000_000;
}

function recordIdOfSpan(span: Span): string | undefined {
  const startTime = startTimeOf(span);
  return startTime === undefined ? undefined : recordIdOf(startTime, span.spanContext().spanId);
}
