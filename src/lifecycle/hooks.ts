import { ROOT_CONTEXT } from '@opentelemetry/api';
import type { ExecutionKind, Outcome } from '../execution.ts';
import { Execution } from './execution-handle.ts';
import type { ExecutionOptions } from './execution-options.ts';
import { neverThrow } from './never-throw.ts';
import { type OpenExecution, OpenExecutions } from './open-executions.ts';
import type { Rejection } from './outcome.ts';

/** Something started. */
export interface StartEvent extends Omit<ExecutionOptions, 'input'> {
  /** Names this execution in later events. Unique among those of its kind that are open. */
  readonly id: string;
  readonly name: string;
  /** Id of the pipeline, process or step it belongs to. @default none: it is the root of a run */
  readonly parentId?: string | undefined;
  readonly input?: unknown;
}

/** Something ended. */
export interface EndEvent {
  readonly id: string;
  /** @default what a skip, a rejection or an error said before, else success */
  readonly outcome?: Outcome | undefined;
}

/** Something failed; the end follows. An end with outcome success means that the runner dealt with the error. */
export interface ErrorEvent {
  readonly id: string;
  readonly error: unknown;
}

/** An event about an execution of any kind. */
export interface MomentEvent {
  /** Id of the execution. */
  readonly id: string;
  /** Needed only where executions of two kinds have the same id. */
  readonly kind?: ExecutionKind | undefined;
}

/** An execution that was, or is going to be, answered instead of done. */
export interface AnswerEvent extends MomentEvent {
  /** With a name an execution that never started gets its record too. */
  readonly name?: string | undefined;
  readonly parentId?: string | undefined;
}

/** Limits of {@link PipelineHooks}. */
export interface PipelineHooksOptions {
  /** Executions that may be open at once, about 2 KB each; beyond it the oldest ends as `error`. @default 10_000 */
  readonly maxOpenExecutions?: number | undefined;
}

/**
 * The lifecycle as callbacks, for a runner that has one already. Everything goes by ids: nothing depends on what is
 * active, and events may come from anywhere in the process. An error is reported before the end it leads to.
 *
 * No callback throws. An end without a start is counted, not an error. Two starts of one id are two executions, and
 * the first end closes the later of them. `run(id, fn)` makes an execution active for the spans of other libraries.
 */
export class PipelineHooks {
  readonly #open: OpenExecutions;
  #orphanEnds = 0;

  constructor(options: PipelineHooksOptions = {}) {
    const { maxOpenExecutions = 10_000 } = options;
    if (!Number.isInteger(maxOpenExecutions) || maxOpenExecutions < 1) {
      throw new RangeError(
        `maxOpenExecutions must be a whole number of at least 1, got ${String(maxOpenExecutions)}`,
      );
    }
    this.#open = new OpenExecutions(maxOpenExecutions);
  }

  /** Executions whose end was not reported yet. */
  get openExecutions(): number {
    return this.#open.size;
  }

  /** Executions that were given up because too many were open. */
  get evictedExecutions(): number {
    return this.#open.evicted;
  }

  /** Ends, and errors, of ids that were not open. */
  get orphanEnds(): number {
    return this.#orphanEnds;
  }

  /** A pipeline started. Its parent is what `parentId` names, never what is active. */
  onPipelineStart(event: StartEvent): void {
    this.#start('pipeline', event);
  }

  /** A pipeline failed with this error; its end follows and says whether that was dealt with. */
  onPipelineError(event: ErrorEvent): void {
    this.#error('pipeline', event);
  }

  /** A pipeline ended: with what was reported before, unless the event names an outcome. */
  onPipelineEnd(event: EndEvent): void {
    this.#end('pipeline', event);
  }

  /** A process started. Its parent is what `parentId` names, never what is active. */
  onProcessStart(event: StartEvent): void {
    this.#start('process', event);
  }

  /** A process failed with this error; its end follows and says whether that was dealt with. */
  onProcessError(event: ErrorEvent): void {
    this.#error('process', event);
  }

  /** A process ended: with what was reported before, unless the event names an outcome. */
  onProcessEnd(event: EndEvent): void {
    this.#end('process', event);
  }

  /** A step started. Its parent is what `parentId` names, never what is active. */
  onStepStart(event: StartEvent): void {
    this.#start('step', event);
  }

  /** A step failed with this error; its end follows and says whether that was dealt with. */
  onStepError(event: ErrorEvent): void {
    this.#error('step', event);
  }

  /** A step ended: with what was reported before, unless the event names an outcome. */
  onStepEnd(event: EndEvent): void {
    this.#end('step', event);
  }

  /** It is not needed. Its end, if it was started, follows. */
  onSkip(event: AnswerEvent & { readonly reason: string }): void {
    this.#answer(event, (execution) => execution.skip(event.reason));
  }

  /** It is not admitted. Its end, if it was started, follows. */
  onReject(event: AnswerEvent & Rejection): void {
    this.#answer(event, (execution) => execution.reject(event));
  }

  /** A further attempt is going to follow; it starts as an execution of its own. */
  onRetry(event: MomentEvent & { readonly attempt: number }): void {
    this.#moment(event, (execution) => execution.retry(String(event.attempt)));
  }

  /** Work up to here is safe. */
  onCheckpoint(event: MomentEvent & { readonly checkpointId: string }): void {
    this.#moment(event, (execution) => execution.checkpoint(event.checkpointId));
  }

  /** It waits for something outside from now on, until `onResume` with the same `interruptId`. */
  onInterrupt(
    event: MomentEvent & { readonly interruptId: string; readonly interruptKind?: string | undefined },
  ): void {
    this.#moment(event, (execution) => execution.interrupt(event.interruptId, event.interruptKind));
  }

  /** What it waited for is there. */
  onResume(event: MomentEvent & { readonly interruptId: string }): void {
    this.#moment(event, (execution) => execution.resume(event.interruptId));
  }

  /** It is alive. */
  onHeartbeat(event: MomentEvent): void {
    this.#moment(event, (execution) => execution.heartbeat());
  }

  /** The open execution with this id. */
  execution(id: string, kind?: ExecutionKind): Execution | undefined {
    return this.#open.find(id, kind)?.execution;
  }

  /** Runs `fn` with the execution active; just runs it where the id is not open. */
  run<T>(id: string, fn: () => T): T {
    const execution = this.execution(id);
    return execution === undefined ? fn() : execution.run(fn);
  }

  #start(kind: ExecutionKind, event: StartEvent): void {
    neverThrow('a pipeline hook', () => {
      if (typeof event.id !== 'string' || typeof event.name !== 'string') {
        throw new TypeError('a start needs an id and a name');
      }
      this.#open.add(event.id, this.#create(kind, event.name, event, event.parentId));
    });
  }

  #create(
    kind: ExecutionKind,
    name: string,
    options: StartEvent | undefined,
    parentId: string | undefined,
  ): Execution {
    const parent = options?.parent ?? (parentId === undefined ? undefined : this.execution(parentId));
    const context = parent instanceof Execution ? parent.context : (parent ?? ROOT_CONTEXT);
    // A runner's own id of a run is the one people will look for.
    const isRoot = parent === undefined && kind === 'pipeline' && options !== undefined;
    const stated = isRoot ? { ...options, runId: options.runId ?? options.id } : options;
    return new Execution(kind, name, stated, context, true);
  }

  #error(kind: ExecutionKind, event: ErrorEvent): void {
    neverThrow('a pipeline hook', () => {
      const { id, error } = event;
      const entry = this.#open.find(id, kind);
      if (entry === undefined) {
        this.#orphanEnds++;
        return;
      }
      entry.hasError = true;
      entry.error = error;
    });
  }

  #end(kind: ExecutionKind, event: EndEvent): void {
    neverThrow('a pipeline hook', () => {
      const { id, outcome } = event;
      const entry = this.#open.take(id, kind);
      if (entry === undefined) this.#orphanEnds++;
      else endEntry(entry, outcome);
    });
  }

  #answer(event: AnswerEvent, say: (execution: Execution) => void): void {
    neverThrow('a pipeline hook', () => {
      const entry = this.#open.find(event.id, event.kind);
      if (entry !== undefined) {
        entry.isAnswered = true;
        say(entry.execution);
        return;
      }
      if (event.name === undefined) {
        this.#orphanEnds++;
        return;
      }
      const execution = this.#create(event.kind ?? 'step', event.name, undefined, event.parentId);
      say(execution);
      execution.settleReturned();
    });
  }

  #moment(event: MomentEvent, say: (execution: Execution) => void): void {
    neverThrow('a pipeline hook', () => {
      const execution = this.execution(event.id, event.kind);
      if (execution !== undefined) say(execution);
    });
  }
}

function endEntry(
  { execution, isAnswered, hasError, error }: OpenExecution,
  outcome: Outcome | undefined,
): void {
  if (outcome === undefined && hasError) {
    execution.settleThrown(error);
    return;
  }
  const isStated = outcome !== undefined && !(isAnswered && outcome === 'success');
  if (isStated) execution.end(outcome, hasError && outcome !== 'success' ? error : undefined);
  execution.settleReturned();
}
