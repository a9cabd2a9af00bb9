import { type Context, context } from '@opentelemetry/api';
import type { Execution } from '../../lifecycle/execution-handle.ts';
import { neverThrow } from '../../lifecycle/never-throw.ts';
import { runExecution } from '../../lifecycle/run-execution.ts';
import { claimPrototype, type EngineAdapter, exportOf } from '../engine-adapter.ts';
import type { EngineLifecycle } from '../engine-lifecycle.ts';
import { Listr2Names } from './listr2-names.ts';
import { type ListrTask, TaskExecutions } from './listr2-task.ts';
import { OpenAtExit } from './open-at-exit.ts';

/** The part of a list of tasks that is read. */
export interface ListrList {
  readonly tasks: readonly ListrTask[];
  readonly parentTask?: ListrTask | undefined;
  readonly errors?: readonly { readonly error?: unknown; readonly task?: unknown }[] | null | undefined;
  readonly signal?: AbortSignal | undefined;
}

type Run = (this: ListrList, context?: unknown) => Promise<unknown>;
type RunTask = (this: ListrList, task: ListrTask) => Promise<unknown>;

interface ListrPrototype {
  run: Run;
  runTask: RunTask;
}

/**
 * listr2: a list that is run is a pipeline, its tasks are steps, and a task that runs a list of its own is a process.
 * Two methods of `Listr` are wrapped, `run` and `runTask`, which have these names from 6 to 11; everything else is
 * told by the events a task emits. The engine has no name for a run, so it is named after its first tasks.
 */
export const adapter: EngineAdapter = {
  name: 'listr2',
  recognises: (moduleExports) => listrPrototypeOf(moduleExports) !== undefined,
  instrument(moduleExports, lifecycle) {
    const prototype = listrPrototypeOf(moduleExports);
    if (prototype === undefined || !claimPrototype(prototype)) return undefined;
    const lists = new ListExecutions(lifecycle);
    const { run, runTask } = prototype;
    prototype.run = function (this: ListrList, ...args) {
      return lists.run(this, args[0], () => run.apply(this, args));
    };
    prototype.runTask = function (this: ListrList, ...args) {
      return lists.runTask(this, args[0], () => runTask.apply(this, args));
    };
    return undefined;
  },
};

/** With this code listr2 ends the process when a run is interrupted, by Ctrl-C or by `task.cancel()`. */
const INTERRUPTED = 127;

function cancelInterrupted(execution: Execution, exitCode: number): void {
  if (exitCode !== INTERRUPTED) return;
  execution.end('cancellation');
  execution.settleReturned();
}

/** What a list runs in: its pipeline, or the task it belongs to. */
interface Scope {
  readonly execution: Execution | undefined;
  readonly context: Context;
}

/** The executions of the lists of one copy of listr2. State hangs on the engine's own objects. */
class ListExecutions {
  readonly #lifecycle: EngineLifecycle;
  readonly #names: Listr2Names;
  readonly #interrupts = new OpenAtExit('listr2', cancelInterrupted);
  readonly #scopes = new WeakMap<ListrList, Scope>();
  readonly #tasks = new WeakMap<ListrTask, TaskExecutions>();
  /** Lists a task returned that were not made as its subtasks, by their tasks. */
  readonly #adopted = new WeakMap<object, TaskExecutions>();

  constructor(lifecycle: EngineLifecycle) {
    this.#lifecycle = lifecycle;
    this.#names = new Listr2Names(lifecycle);
  }

  run(list: ListrList, input: unknown, work: () => Promise<unknown>): Promise<unknown> {
    if (!this.#lifecycle.isOn) return work();
    const owner = this.#ownerOf(list);
    return owner === undefined ? this.#runPipeline(list, input, work) : this.#runNested(list, owner, work);
  }

  runTask(list: ListrList, task: ListrTask, work: () => Promise<unknown>): Promise<unknown> {
    const scope = this.#scopes.get(list);
    if (scope === undefined || !this.#lifecycle.isOn) return work();
    const executions = this.#follow(list, task, scope);
    if (executions === undefined) return work();
    return work().then(
      (value) => {
        executions.settle();
        return value;
      },
      (error: unknown) => {
        executions.settle({ error });
        throw error;
      },
    );
  }

  #runPipeline(list: ListrList, input: unknown, work: () => Promise<unknown>): Promise<unknown> {
    let pipeline: Execution | undefined;
    neverThrow('a run of listr2', () => {
      pipeline = this.#lifecycle.start('pipeline', this.#names.ofRun(list), context.active(), { input });
    });
    if (pipeline === undefined) return work();
    const run = pipeline;
    this.#scopes.set(list, { execution: run, context: run.context });
    const forget = this.#interrupts.watch(run);
    const result = runExecution(run, work);
    result.then(forget, forget);
    return result;
  }

  /** The engine calls this outside of the task's own call, so its context is made active again. */
  #runNested(list: ListrList, owner: TaskExecutions, work: () => Promise<unknown>): Promise<unknown> {
    const execution = owner.current;
    execution?.becomeProcess();
    const active = execution?.context ?? context.active();
    this.#scopes.set(list, { execution, context: active });
    const result = context.with(active, work);
    result.then(undefined, (error: unknown) => owner.threw(error));
    return result;
  }

  #follow(list: ListrList, task: ListrTask, scope: Scope): TaskExecutions | undefined {
    let executions: TaskExecutions | undefined;
    neverThrow('a task of listr2', () => {
      const name = this.#names.ofTask(list, task);
      executions = new TaskExecutions(task, name, {
        parent: scope.execution,
        start: (stepName, options) => {
          const step = this.#lifecycle.start('step', stepName, scope.context, options);
          return { step, forget: this.#interrupts.watch(step) };
        },
        adopt: (subtasks, owner) => this.#adopted.set(subtasks, owner),
      });
      this.#tasks.set(task, executions);
    });
    return executions;
  }

  #ownerOf(list: ListrList): TaskExecutions | undefined {
    const { parentTask, tasks } = list;
    return (parentTask === undefined ? undefined : this.#tasks.get(parentTask)) ?? this.#adopted.get(tasks);
  }
}

function listrPrototypeOf(moduleExports: unknown): ListrPrototype | undefined {
  const Listr = exportOf(moduleExports, 'Listr');
  const prototype = typeof Listr === 'function' ? (Listr.prototype as Partial<ListrPrototype>) : undefined;
  const isListr = typeof prototype?.run === 'function' && typeof prototype.runTask === 'function';
  return isListr ? (prototype as ListrPrototype) : undefined;
}
