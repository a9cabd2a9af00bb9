import type { SpanContext } from '@opentelemetry/api';
import type { Execution } from '../../lifecycle/execution-handle.ts';
import { type ExecutionOptions, RETRY_TRAIL } from '../../lifecycle/execution-options.ts';
import { neverThrow } from '../../lifecycle/never-throw.ts';
import { runExecution } from '../../lifecycle/run-execution.ts';
import type { ListrList } from './listr2.ts';

/** The part of a task that is read. All but `taskFn` and `runTask` is public in listr2. */
export interface ListrTask {
  readonly listr: ListrList;
  /** What the user wrote. */
  task: TaskDefinition;
  taskFn: TaskFunction;
  readonly title?: string | undefined;
  readonly initialTitle?: string | undefined;
  readonly state: string;
  readonly enabled?: boolean | undefined;
  readonly message?: { readonly skip?: unknown; readonly error?: unknown } | undefined;
  readonly retry?: { readonly error?: unknown } | undefined;
  on(event: string, handler: (data: never) => void): void;
  off(event: string, handler: (data: never) => void): void;
}

type TaskFunction = (this: unknown, ...args: unknown[]) => unknown;

interface TaskDefinition {
  readonly retry?: number | { readonly tries?: number } | undefined;
  readonly rollback?: TaskFunction | undefined;
}

/** What a task needs of the list it is in. */
export interface TaskSurroundings {
  readonly parent: Execution | undefined;
  start(name: string, options: ExecutionOptions): { readonly step: Execution; readonly forget: () => void };
  /** A list with these tasks is run by this task. */
  adopt(subtasks: object, owner: TaskExecutions): void;
}

interface Thrown {
  readonly error: unknown;
}

/**
 * The executions of one task: one for each attempt, one for the rollback. An attempt starts with the call of the task's
 * function, so that what the function does is inside it, and lasts until the task tries again, rolls back or settles:
 * what the function returned, a list, a stream, an observable, is the task's work too.
 */
export class TaskExecutions {
  readonly #task: ListrTask;
  readonly #name: string;
  readonly #around: TaskSurroundings;
  readonly #restore: () => void;
  #attempts = 0;
  #previous: SpanContext | undefined;
  #open: { readonly step: Execution; readonly forget: () => void } | undefined;
  #thrown: Thrown | undefined;

  constructor(task: ListrTask, name: string, around: TaskSurroundings) {
    this.#task = task;
    this.#name = name;
    this.#around = around;
    this.#restore = this.#attach();
  }

  /** The attempt that runs. */
  get current(): Execution | undefined {
    return this.#open?.step;
  }

  /** The attempt failed, as far as it is known where the error passes by. The task decides what comes of it. */
  threw(error: unknown): void {
    this.#thrown = { error };
  }

  /** The task is done; `thrown` is what it failed its list with. */
  settle(thrown?: Thrown): void {
    neverThrow('the end of a task of listr2', () => {
      this.#restore();
      const { state, enabled } = this.#task;
      if (this.#open !== undefined) this.#end(state, thrown ?? this.#thrown);
      else if (state === 'SKIPPED' && this.#attempts === 0) this.#skipped(skipReasonOf(this.#task));
      else if (enabled === false && this.#attempts === 0) this.#skipped('disabled');
    });
  }

  #attach(): () => void {
    const task = this.#task;
    const { taskFn, task: definition } = task;
    const onState = (state: string) => neverThrow('a state of listr2', () => this.#onState(state));
    const onSubtasks = (subtasks: object) =>
      neverThrow('subtasks of listr2', () => this.#around.adopt(subtasks, this));
    task.on('STATE', onState);
    task.on('SUBTASK', onSubtasks);
    const attempt = (call: () => unknown) => this.#attempt(call);
    task.taskFn = function (...args) {
      return attempt(() => taskFn.apply(this, args));
    };
    const { rollback } = definition;
    if (typeof rollback === 'function') {
      const rollBack = (call: () => unknown) => this.#rollBack(call);
      // The definition is the user's own object, and may be frozen or shared: it is covered, not changed.
      task.task = Object.create(definition, {
        rollback: { value: (...args: unknown[]) => rollBack(() => rollback.apply(definition, args)) },
      }) as TaskDefinition;
    }
    return () => {
      task.taskFn = taskFn;
      task.task = definition;
      task.off('STATE', onState);
      task.off('SUBTASK', onSubtasks);
    };
  }

  #onState(state: string): void {
    if (this.#open === undefined) return;
    if (state === 'RETRY') {
      this.#fail({ error: this.#task.retry?.error });
      this.#around.parent?.retry(String(this.#attempts + 1));
    } else if (state === 'ROLLING_BACK') this.#fail(this.#thrown);
  }

  #attempt(call: () => unknown): unknown {
    this.#thrown = undefined;
    neverThrow('an attempt of listr2', () => {
      if (this.#open !== undefined) this.#fail(this.#thrown);
      this.#open = this.#around.start(this.#name, this.#optionsOfAttempt(++this.#attempts));
    });
    const { current } = this;
    if (current === undefined) return call();
    let result: unknown;
    try {
      result = current.run(call);
    } catch (error) {
      this.threw(error);
      throw error;
    }
    this.#watch(result);
    return result;
  }

  #optionsOfAttempt(attempt: number): ExecutionOptions {
    const maxAttempts = maxAttemptsOf(this.#task.task);
    const trail = {
      previous: this.#previous,
      started: (_: unknown, span: SpanContext) => {
        this.#previous = span;
      },
    };
    return {
      attempt,
      ...(maxAttempts > 1 && { maxAttempts, final: attempt === maxAttempts, [RETRY_TRAIL]: trail }),
    };
  }

  /** Sees an error pass by on its way to the engine, which is there to handle it. */
  #watch(result: unknown): void {
    if (result instanceof Promise) {
      result.then(
        (value) => this.#watch(value),
        (error: unknown) => this.threw(error),
      );
    } else if (result instanceof process.getBuiltinModule('node:stream').Readable)
      result.once('error', (error) => this.threw(error));
    else if (isTaskFailure(result)) this.threw(result.error);
  }

  #rollBack(call: () => unknown): unknown {
    let rollback: { readonly step: Execution; readonly forget: () => void } | undefined;
    neverThrow('a rollback of listr2', () => {
      rollback = this.#around.start(`${this.#name} (rollback)`, {});
    });
    if (rollback === undefined) return call();
    const { step, forget } = rollback;
    const result = runExecution(step, call);
    if (result instanceof Promise) result.then(forget, forget);
    else forget();
    return result;
  }

  #end(state: string, thrown: Thrown | undefined): void {
    const { current } = this;
    if (state === 'SKIPPED') current?.skip(skipReasonOf(this.#task));
    else if (state === 'CANCELLED') current?.end('cancellation', thrown?.error);
    else if (state === 'FAILED' || thrown !== undefined) {
      this.#fail(thrown ?? reportedBy(this.#task));
      return;
    }
    this.#close();
  }

  #fail(thrown: Thrown | undefined): void {
    if (thrown === undefined) this.current?.fail();
    else this.current?.settleThrown(thrown.error);
    this.#close();
  }

  #close(): void {
    this.#open?.step.settleReturned();
    this.#open?.forget();
    this.#open = undefined;
  }

  /** Never called: there is nothing but the reason to tell. */
  #skipped(reason: string): void {
    const { step, forget } = this.#around.start(this.#name, {});
    step.skip(reason);
    step.settleReturned();
    forget();
  }
}

function skipReasonOf({ message }: ListrTask): string {
  return typeof message?.skip === 'string' && message.skip !== '' ? message.skip : 'skipped';
}

/** Where the engine tells an error and nobody threw it: an observable that failed in a list that goes on. */
function reportedBy(task: ListrTask): Thrown | undefined {
  const collected = task.listr.errors?.findLast((each) => each.task === task)?.error;
  if (collected !== undefined) return { error: collected };
  const text = task.message?.error;
  return typeof text === 'string' ? { error: new Error(text) } : undefined;
}

function maxAttemptsOf({ retry }: TaskDefinition): number {
  const tries = typeof retry === 'object' ? retry?.tries : retry;
  return typeof tries === 'number' && tries > 0 ? tries + 1 : 1;
}

/** What `task.fail(error)` of listr2 11 returns, for the task to return it. */
function isTaskFailure(result: unknown): result is { readonly error: unknown } {
  return (
    typeof result === 'object' &&
    result !== null &&
    result.constructor?.name === 'ListrTaskFailure' &&
    'error' in result
  );
}
