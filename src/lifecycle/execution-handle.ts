import { type Attributes, type Context, context, type Span, trace } from '@opentelemetry/api';
import {
  ACTIVE_EXECUTION_KEY,
  type ActiveExecution,
  type ExecutionKind,
  type Moment,
  type Outcome,
  type RejectionReason,
} from '../execution.ts';
import {
  ATTR_EVENT_REF,
  ATTR_INTERRUPT_KIND,
  ATTR_REJECTION_REASON,
  ATTR_SKIP_REASON,
  EVENT_CHECKPOINT,
  EVENT_INTERRUPTED,
  EVENT_REJECTED,
  EVENT_RESUMED,
  EVENT_RETRY,
} from '../semconv.ts';
import { nameFrom, readableOptions } from './caller-input.ts';
import { type DetachedState, tokenFromState } from './detached-state.ts';
import { ExecutionContext } from './execution-context.ts';
import { ExecutionMetrics } from './execution-metrics.ts';
import { ExecutionNotes } from './execution-notes.ts';
import type { ExecutionOptions, RunArguments, Work } from './execution-options.ts';
import { ExecutionSpans } from './execution-spans.ts';
import type { Interrupts } from './interrupts.ts';
import { lifecycleSettings } from './lifecycle-settings.ts';
import { neverThrow } from './never-throw.ts';
import {
  isRejectionReason,
  outcomeFromError,
  type Rejection,
  rejectionFromError,
  skipReasonFromError,
} from './outcome.ts';
import { activeMetrics } from './pipeline-metrics.ts';
import type { Ending } from './pipeline-tracer.ts';
import { rejectionAttributes } from './rejection-attributes.ts';
import { report } from './report.ts';
import { runExecution } from './run-execution.ts';
import { identityOf, RunIdentity } from './run-identity.ts';

const SUCCESS: Ending = { outcome: 'success', hasError: false, error: undefined };

/** Outcomes a caller stated that an error thrown afterwards does not replace. */
const STAYS: ReadonlySet<Outcome> = new Set(['failure', 'error', 'timeout', 'cancellation']);

/** What an execution begins with that is there already. */
type Beginning =
  /** It was let go of, and goes on. */
  | { readonly resumed: DetachedState; readonly adopted?: never }
  /** Another library's span, which that library ends. */
  | { readonly adopted: Span; readonly resumed?: never };

/**
 * One run of a pipeline, a process or a step, while it lasts. Got from `runPipeline` and its like as the argument of
 * the function, which then owns the end: `skip`, `reject`, `fail` and `end` called inside say how it is going to
 * end. Got from `startPipeline`, `startProcess` or `startStep` it is the caller's to end, by one of these four.
 * What comes after the end is ignored. No method throws, waits, or keeps the process alive, and without an
 * OpenTelemetry SDK each does next to nothing.
 */
export class Execution implements ActiveExecution {
  readonly kind: ExecutionKind;
  readonly name: string;
  /** 1 for the first try. */
  readonly attempt: number;
  /** Name of the nearest enclosing pipeline, or of the pipeline itself. */
  readonly pipeline: string | undefined;
  /** @internal */
  readonly identity: RunIdentity;
  /** The context in which the execution's code runs: its span and the execution itself are active in it. */
  readonly context: Context;

  readonly #isOwned: boolean;
  readonly #spans: ExecutionSpans;
  readonly #metrics: ExecutionMetrics | undefined;
  #isEnded = false;
  #ending: Ending | undefined;
  #notes: ExecutionNotes | undefined;
  #rejectionReason: RejectionReason | undefined;

  /** @internal */
  constructor(
    kind: ExecutionKind,
    name: string,
    given: ExecutionOptions | undefined,
    parentContext: Context,
    isOwned: boolean,
    beginning?: Beginning,
  ) {
    const options = readableOptions(given);
    const resumed = beginning?.resumed;
    const active = parentContext.getValue(ACTIVE_EXECUTION_KEY);
    const parent = active instanceof Execution ? active : undefined;
    this.kind = kind;
    this.name = nameFrom(name);
    this.identity =
      resumed === undefined
        ? identityOf(parent, active as ActiveExecution | undefined, options, parentContext)
        : new RunIdentity({ ...resumed, id: resumed.runId, remote: resumed });
    this.attempt = options?.attempt ?? remoteAttempt(this, parent) ?? 1;
    this.pipeline = kind === 'pipeline' ? this.name : (parent?.pipeline ?? this.identity.remote?.pipeline);
    this.context = new ExecutionContext(parentContext, this);
    this.#isOwned = isOwned;
    this.#spans = new ExecutionSpans(this, parent, parentContext);
    const metrics = activeMetrics();
    if (metrics !== undefined) this.#metrics = new ExecutionMetrics(metrics, this);
    if (resumed === undefined) {
      this.#spans.start(options, beginning?.adopted);
      this.#metrics?.started(options);
    } else {
      this.#goOn(resumed);
      this.#metrics?.resumed(resumed);
    }
  }

  /** Id of the run: shared by everything below the outermost execution, and by nothing else. */
  get runId(): string {
    return this.identity.id;
  }

  /** Id under which the ledger keeps this execution; undefined where no span is recorded. */
  get recordId(): string | undefined {
    return this.#spans.recordId;
  }

  /** @internal Id under which the ledger keeps the execution it belongs to, while it runs. */
  get parentRecordId(): string | undefined {
    return this.#spans.parentRecordId;
  }

  /** The span of the execution, which a resume replaces by a new one. Not recording where no SDK is registered. */
  get span(): Span {
    return this.#spans.current ?? trace.wrapSpanContext(NO_SPAN);
  }

  /** @internal */
  get currentSpan(): Span | undefined {
    return this.#spans.current;
  }

  /** True while the execution runs; false while it is suspended and after its end. */
  get isRunning(): boolean {
    return !this.#isEnded && this.#notes?.interrupts.isSuspended !== true;
  }

  /** True once it ended here, or was detached from this process. */
  get isEnded(): boolean {
    return this.#isEnded;
  }

  /** Runs `fn` as a process of this execution. What `fn` returns or throws passes through unchanged. */
  process<T>(name: string, fn: (process: Execution) => T): T;
  process<T>(name: string, options: ExecutionOptions, fn: (process: Execution) => T): T;
  process<T>(name: string, ...rest: RunArguments<T>): T {
    return this.#runChild('process', name, rest);
  }

  /** Runs `fn` as a step of this execution. What `fn` returns or throws passes through unchanged. */
  step<T>(name: string, fn: (step: Execution) => T): T;
  step<T>(name: string, options: ExecutionOptions, fn: (step: Execution) => T): T;
  step<T>(name: string, ...rest: RunArguments<T>): T {
    return this.#runChild('step', name, rest);
  }

  /** Starts a process for code that has no single function around it. The caller ends it. */
  startProcess(name: string, options?: ExecutionOptions): Execution {
    return new Execution('process', name, options, this.contextForChildren(), false);
  }

  /** Starts a step for code that has no single function around it. The caller ends it. */
  startStep(name: string, options?: ExecutionOptions): Execution {
    return new Execution('step', name, options, this.contextForChildren(), false);
  }

  /** Runs `fn` with this execution active, and ends nothing. What `fn` returns or throws passes through. */
  run<T>(fn: () => T): T {
    return context.with(this.context, fn);
  }

  /** Says what the execution did; see {@link Work}. */
  add(work: Work): this {
    if (this.#isEnded) return this;
    neverThrow('what add was given', () => {
      if (this.#spans.isObserved) this.#writeNotes().addWork(work);
      this.#metrics?.did(work);
    });
    return this;
  }

  /** Ends it, or says it will end, as not needed. */
  skip(reason: string): void {
    this.#set({ [ATTR_SKIP_REASON]: reason });
    this.#conclude({ outcome: 'skip', hasError: false, error: undefined });
  }

  /** Ends it, or says it will end, as not admitted. */
  reject(rejection: Rejection): void {
    this.#rejected(rejection);
    this.#conclude({ outcome: 'rejection', hasError: false, error: undefined });
  }

  /** Ends it, or says it will end, with the outcome the error stands for; failure where there is no error. */
  fail(error?: unknown): void {
    if (this.#isEnded) return;
    if (error === undefined) this.#conclude({ outcome: 'failure', hasError: false, error });
    else this.#conclude(this.#endingFromError(error));
  }

  /** Ends it, or says how it will end; `error` is what a bad outcome is due to. @default 'success' */
  end(outcome: Outcome = 'success', error?: unknown): void {
    this.#conclude({ outcome, hasError: error !== undefined, error });
  }

  /** Marks that work up to here is safe. */
  checkpoint(id: string): void {
    this.#moment('checkpoint', id, EVENT_CHECKPOINT);
  }

  /** Says that it is alive. Costs no span event; the newest of several in a row is kept. */
  heartbeat(): void {
    this.#moment('heartbeat', undefined);
  }

  /** Notes a moment of the execution by name. Costs no span event. */
  mark(name: string): void {
    this.#moment('mark', name);
  }

  /** Notes that work in this execution is going to be tried again, `ref` naming the attempt. */
  retry(ref: string): void {
    this.#moment('retry', ref, EVENT_RETRY);
  }

  /**
   * Suspends the execution until `resume(id)`: it waits for something outside, an approval, a person, a callback.
   * Its span ends, since one that is open for days is never exported. Interrupts may nest and overlap; the time
   * from the first to the last resume counts once.
   */
  interrupt(id: string, kind = 'other'): void {
    if (this.#isEnded) return;
    this.#moment('interrupt', id, EVENT_INTERRUPTED, { [ATTR_INTERRUPT_KIND]: kind });
    if (this.#writeNotes().interrupts.interrupt(id, kind, Date.now())) this.#spans.suspend(this.#notes);
  }

  /** Ends the newest open interrupt with this id; with the last one the execution goes on, in a new span. */
  resume(id: string): void {
    const now = Date.now();
    const closed = this.#isEnded ? undefined : this.#notes?.interrupts.resume(id, now);
    if (closed === undefined) {
      report('debug', `resume of "${id}", which is not interrupted, is ignored`);
      return;
    }
    this.#metrics?.interruptEnded(closed.kind, 'resumed', now - closed.at);
    if (this.#notes?.interrupts.isSuspended === false) this.#spans.resume(this.#notes);
    this.#moment('resume', id, EVENT_RESUMED);
  }

  /**
   * Lets go of the execution in this process and returns a token, a string of JSON, with which `attachPipeline` goes
   * on with it in another process or another day. The time in between counts as suspended.
   */
  detach(): string {
    const notes = this.#writeNotes();
    if (!this.#isEnded) {
      this.#moment('detach', undefined);
      if (!notes.interrupts.isSuspended) {
        notes.interrupts.hold(Date.now());
        this.#spans.suspend(notes);
      }
      this.#isEnded = true;
    }
    return this.#token(notes);
  }

  /**
   * @internal The token `detach` would return now, while the execution goes on: for an engine to keep with its own
   * state, from which another process takes it up. Without the timeline, since it is written again and again.
   */
  snapshot(): string {
    return this.#token((this.#notes ?? new ExecutionNotes()).suspendedAt(Date.now()));
  }

  /**
   * @internal Lets go of the execution unfinished: its engine goes on with it later, here or elsewhere, as the next
   * segment of the record it shares (`record` of the options). Until then it is suspended.
   */
  defer(reason: string): void {
    if (this.#isEnded) return;
    this.#moment('interrupt', reason, EVENT_INTERRUPTED, { [ATTR_INTERRUPT_KIND]: 'deferred' });
    const notes = this.#writeNotes();
    notes.interrupts.hold(Date.now());
    this.#spans.suspend(notes);
    this.#isEnded = true;
  }

  /**
   * @internal A step turned out to have steps of its own: it is a process, and always was. Only an engine finds that out
   * after the start; code that says what it runs knows before.
   */
  becomeProcess(): void {
    if (this.kind !== 'step' || this.#isEnded) return;
    // Readonly to everybody else: nothing else about an execution changes once it has started.
    (this as { kind: ExecutionKind }).kind = 'process';
    this.#spans.becomeProcess();
  }

  /** @internal The function around the work returned. */
  settleReturned(): void {
    this.#finish(this.#ending ?? SUCCESS);
  }

  /** @internal The function around the work threw. */
  settleThrown(error: unknown): void {
    if (this.#isEnded) return;
    const thrown = this.#endingFromError(error);
    const stated = this.#ending?.outcome;
    const outcome = stated !== undefined && STAYS.has(stated) ? stated : thrown.outcome;
    this.#finish({ outcome, hasError: true, error });
  }

  /** @internal Nobody is going to say how it ended. */
  abandon(): void {
    this.#finish({ outcome: 'error', hasError: false, error: undefined });
  }

  #token(notes: ExecutionNotes): string {
    return tokenFromState({
      kind: this.kind,
      name: this.name,
      attempt: this.attempt,
      pipeline: this.pipeline,
      runId: this.runId,
      correlationId: this.identity.correlationId,
      tenant: this.identity.tenant,
      notes,
      spans: this.#spans.state(),
    });
  }

  #runChild<T>(kind: ExecutionKind, name: string, rest: RunArguments<T>): T {
    const parentContext = this.contextForChildren();
    if (rest.length === 1)
      return runExecution(new Execution(kind, name, undefined, parentContext, true), rest[0]);
    return runExecution(new Execution(kind, name, rest[0], parentContext, true), rest[1]);
  }

  /** @internal What is active now where that is below this execution, so that spans in between stay parents. */
  contextForChildren(): Context {
    const active = context.active();
    if (active === this.context || active.getValue(ACTIVE_EXECUTION_KEY) !== this) return this.context;
    return this.#spans.withCurrentSpan(active);
  }

  #endingFromError(error: unknown): Ending {
    const outcome = outcomeFromError(error, lifecycleSettings().classifyError);
    if (outcome === 'skip') this.#set({ [ATTR_SKIP_REASON]: skipReasonFromError(error) });
    else if (outcome === 'rejection') this.#rejected(rejectionFromError(error));
    return { outcome, hasError: true, error };
  }

  #conclude(ending: Ending): void {
    if (this.#isEnded) return;
    this.#ending = ending;
    if (!this.#isOwned) this.#finish(ending);
  }

  #rejected(rejection: Rejection): void {
    if (this.#isEnded) return;
    neverThrow('a rejection', () => {
      const reason = isRejectionReason(rejection.reason) ? rejection.reason : 'other';
      this.#rejectionReason = reason;
      this.#set(rejectionAttributes({ ...rejection, reason }));
    });
  }

  #finish(ending: Ending): void {
    if (this.#isEnded) return;
    const interrupts = this.#notes?.interrupts;
    if (interrupts?.isSuspended === true) this.#closeInterrupts(interrupts, ending.outcome);
    this.#isEnded = true;
    if (ending.outcome === 'rejection') this.#countRejection();
    this.#spans.end(ending, this.#notes);
    this.#metrics?.ended(ending, interrupts?.suspendedMs(Date.now()) ?? 0);
  }

  #countRejection(): void {
    const reason = this.#rejectionReason ?? 'other';
    if (this.#spans.isRecording)
      this.#spans.current?.addEvent(EVENT_REJECTED, { [ATTR_REJECTION_REASON]: reason });
    this.#metrics?.rejected(reason);
  }

  /** An execution that ends while it is suspended: the interrupts last until now, and a last span says how it ended. */
  #closeInterrupts(interrupts: Interrupts, outcome: Outcome): void {
    const now = Date.now();
    const answer = outcome === 'rejection' ? 'rejected' : 'expired';
    for (const open of interrupts.close(now)) {
      this.#metrics?.interruptEnded(open.kind, answer, now - open.at);
    }
    this.#spans.resume(this.#notes);
  }

  #goOn({ notes, spans }: DetachedState): void {
    this.#notes = notes;
    this.#spans.restore(spans);
    if (notes.interrupts.open.length === 0) {
      notes.interrupts.close(Date.now());
      this.#spans.resume(notes);
    }
    this.#moment('attach', undefined);
  }

  #moment(kind: Moment['kind'], ref: string | undefined, event?: string, attributes?: Attributes): void {
    if (this.#isEnded || !this.#spans.isObserved) return;
    this.#writeNotes().moment(kind, ref);
    if (event === undefined || !this.#spans.isRecording) return;
    this.#spans.current?.addEvent(event, {
      ...attributes,
      ...(ref !== undefined && { [ATTR_EVENT_REF]: ref }),
    });
  }

  #set(attributes: Attributes): void {
    if (!this.#isEnded && this.#spans.isObserved) this.#writeNotes().set(attributes);
  }

  #writeNotes(): ExecutionNotes {
    this.#notes ??= new ExecutionNotes();
    return this.#notes;
  }
}

const NO_SPAN = { traceId: '0'.repeat(32), spanId: '0'.repeat(16), traceFlags: 0 };
/** A pipeline that another process began and handed over keeps its attempt; anything else starts at its first. */
function remoteAttempt(
  { kind, name, identity }: Execution,
  parent: Execution | undefined,
): number | undefined {
  if (kind !== 'pipeline' || parent !== undefined) return undefined;
  return identity.remote?.pipeline === name ? identity.remote.attempt : undefined;
}
