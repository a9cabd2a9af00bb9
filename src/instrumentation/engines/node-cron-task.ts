import { basename } from 'node:path';
import { type Context, context, ROOT_CONTEXT } from '@opentelemetry/api';
import type { Execution } from '../../lifecycle/execution-handle.ts';
import type { ExecutionOptions } from '../../lifecycle/execution-options.ts';
import { neverThrow } from '../../lifecycle/never-throw.ts';
import { runExecution } from '../../lifecycle/run-execution.ts';
import type { EngineLifecycle } from '../engine-lifecycle.ts';

/** What a task's function and its listeners are given. */
interface CronContext {
  /** When it was due. */
  readonly date?: Date;
  readonly reason?: string;
  readonly execution?: { readonly id?: string; readonly reason?: string; readonly error?: unknown };
}

export type CronTaskFunction = (this: unknown, context: CronContext) => unknown;

export interface CronOptions {
  readonly name?: unknown;
  readonly noOverlap?: unknown;
}

interface CronEmitter {
  emit?(event: string, context: CronContext): unknown;
}

/** A task as the application gets it. It emits by a method of its own where it has one, else by its emitter's. */
export interface CronTask extends CronEmitter {
  readonly emitter?: CronEmitter;
}

type Definition = readonly [
  expression: string,
  task: CronTaskFunction | string,
  options?: CronOptions | undefined,
];

/** Has the engine make a task, and follows what becomes of it. */
export function followTask(
  make: (...definition: Definition) => CronTask,
  definition: Definition,
  lifecycle: EngineLifecycle,
): CronTask {
  const [expression, task, options] = definition;
  const runs = new TaskRuns(definition, lifecycle);
  const made = make(expression, typeof task === 'function' ? runs.inside(task) : task, options);
  neverThrow('a task of node-cron', () => runs.follow(made));
  return made;
}

/** The executions of one task. */
class TaskRuns {
  readonly #lifecycle: EngineLifecycle;
  readonly #definition: Definition;
  /** Runs of a task that is a file: another process does them, this one is told. */
  readonly #remote = new Map<string, Execution>();
  #task: CronTask | undefined;

  constructor(definition: Definition, lifecycle: EngineLifecycle) {
    this.#definition = definition;
    this.#lifecycle = lifecycle;
  }

  /** The function, which runs inside an execution. */
  inside(work: CronTaskFunction): CronTaskFunction {
    const start = (due: CronContext) => this.#start(due);
    return function (this: unknown, due) {
      const execution = start(due);
      if (execution === undefined) return work.call(this, due);
      return runExecution(execution, () => work.call(this, due));
    };
  }

  /**
   * Sees what the task emits. A listener would do, but with one for missed runs the engine no longer warns of them.
   */
  follow(task: CronTask): void {
    this.#task = task;
    const emitter = typeof task.emit === 'function' ? task : task.emitter;
    const emit = emitter?.emit;
    if (emitter === undefined || typeof emit !== 'function') return;
    const see = (event: string, due: CronContext) =>
      neverThrow(`${event} of node-cron`, () => this.#emitted(event, due));
    emitter.emit = function (event, due) {
      see(event, due);
      return emit.call(this, event, due);
    };
  }

  #emitted(event: string, due: CronContext): void {
    const [, task, options] = this.#definition;
    if (event === 'execution:missed') this.#refuse(due, 'capacity_limit', 'missed: the process was busy');
    // Without this option the run is not kept from overlapping, and takes place.
    else if (event === 'execution:overlap' && options?.noOverlap === true)
      this.#refuse(due, 'policy', 'the run before has not ended');
    else if (event === 'execution:skipped') this.#skip(due);
    else if (typeof task === 'string') this.#remoteEvent(event, due);
  }

  #remoteEvent(event: string, due: CronContext): void {
    const { id = '', error } = due.execution ?? {};
    if (event === 'execution:started') {
      const execution = this.#start(due);
      if (execution !== undefined) this.#remote.set(id, execution);
      return;
    }
    if (event !== 'execution:finished' && event !== 'execution:failed') return;
    const execution = this.#remote.get(id);
    this.#remote.delete(id);
    if (event === 'execution:finished') execution?.settleReturned();
    else execution?.settleThrown(error);
  }

  #start(due: CronContext | undefined): Execution | undefined {
    if (!this.#lifecycle.isOn) return undefined;
    let execution: Execution | undefined;
    neverThrow('a run of node-cron', () => {
      // Its timer is no part of what happened to set it; a run that is asked for is part of what asks.
      const isScheduled = due?.execution?.reason !== 'invoked';
      const parent = isScheduled ? ROOT_CONTEXT : context.active();
      execution = this.#execution(parent, isScheduled ? { scheduledFor: due?.date } : {});
    });
    return execution;
  }

  #refuse({ date }: CronContext, reason: 'capacity_limit' | 'policy', detail: string): void {
    if (!this.#lifecycle.isOn) return;
    const refused = this.#execution(ROOT_CONTEXT, { scheduledFor: date });
    refused.reject({ reason, detail });
    refused.settleReturned();
  }

  /** Another instance does it, or nobody can say which one is to. */
  #skip({ date, reason = 'skipped' }: CronContext): void {
    if (!this.#lifecycle.isOn) return;
    const skipped = this.#execution(ROOT_CONTEXT, { scheduledFor: date });
    if (reason === 'not-elected') skipped.skip(reason);
    else skipped.reject({ reason: 'other', detail: reason });
    skipped.settleReturned();
  }

  #execution(parent: Context, options: ExecutionOptions): Execution {
    const [expression] = this.#definition;
    const attributes = { 'node_cron.expression': expression };
    return this.#lifecycle.start('pipeline', this.#name(), parent, { ...options, attributes });
  }

  /** Ids are random and a name must be stable: what the application calls it, else when it runs. */
  #name(): string {
    const given = this.#task === undefined ? undefined : this.#lifecycle.nameOf(this.#task);
    if (given !== undefined) return given;
    const [expression, task, options] = this.#definition;
    if (typeof options?.name === 'string' && options.name !== '') return options.name;
    const own = typeof task === 'string' ? basename(task) : task.name;
    return own === '' ? expression : own;
  }
}
