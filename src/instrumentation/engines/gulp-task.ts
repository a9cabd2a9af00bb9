import type { Execution } from '../../lifecycle/execution-handle.ts';
import { neverThrow } from '../../lifecycle/never-throw.ts';
import { nameFromTitle } from './task-names.ts';

/** A task: it says it is done by a callback, a promise, a stream, an observable or a child process. */
export type TaskFunction = (this: unknown, ...args: unknown[]) => unknown;

/** An execution, and what to call when it ended. */
export interface StartedTask {
  readonly execution: Execution;
  readonly forget: () => void;
}

/** What a task needs of the run it is in. */
export interface TaskSurroundings {
  start(name: string, kind: 'process' | 'step'): StartedTask;
  /** Calls the task's function inside its execution. */
  call(task: GulpTask, work: () => unknown): unknown;
}

/** What undertaker keeps of a task while it runs, as far as it is read. bach alone keeps nothing. */
interface Storage {
  readonly name?: unknown;
  /** It is a composition without a name. */
  readonly branch?: unknown;
}

/** One task of one run. */
export class GulpTask {
  /** The task's function as it was composed. */
  readonly fn: TaskFunction;
  /** Stands in for it: bach calls this one. */
  readonly called: TaskFunction;
  /** What the extension points were told to keep. */
  storage: unknown;
  readonly #around: TaskSurroundings;
  #started: StartedTask | undefined;

  constructor(fn: TaskFunction, around: TaskSurroundings) {
    this.fn = fn;
    this.#around = around;
    const call = (work: () => unknown) => around.call(this, work);
    this.called = function (...args) {
      return call(() => fn.apply(this, args));
    };
  }

  get execution(): Execution | undefined {
    return this.#started?.execution;
  }

  begin(): void {
    neverThrow('a task of gulp', () => {
      const { name, branch } = (this.storage ?? {}) as Storage;
      this.#started = this.#around.start(
        nameFromTitle(name) ?? nameOf(this.fn),
        branch === true ? 'process' : 'step',
      );
    });
  }

  succeed(): void {
    neverThrow('the end of a task of gulp', () => this.execution?.settleReturned());
    this.#started?.forget();
  }

  fail(error: unknown): void {
    neverThrow('the failure of a task of gulp', () => this.execution?.settleThrown(errorFromFailures(error)));
    this.#started?.forget();
  }
}

const compositions = new WeakMap<TaskFunction, string>();

/** Gives what is composed the name undertaker shows for it. */
export function nameComposition(composed: TaskFunction, composer: string): void {
  compositions.set(composed, composer.endsWith('eries') ? '<series>' : '<parallel>');
}

/** What undertaker calls a function it was told no name of. */
export function nameOf(fn: TaskFunction): string {
  const { displayName, name } = fn as TaskFunction & { readonly displayName?: unknown };
  return compositions.get(fn) ?? nameFromTitle(displayName) ?? nameFromTitle(name) ?? '<anonymous>';
}

const errors = new WeakMap<readonly unknown[], unknown>();

/**
 * A composition that goes on after failures ends with an array of them. The task whose body it is and the run it is in
 * get the same array, and so the same error.
 */
export function errorFromFailures(failure: unknown): unknown {
  if (!Array.isArray(failure)) return failure;
  const known = errors.get(failure);
  if (known !== undefined) return known;
  const failures = failure.map(errorFromFailures);
  const error =
    failures.length === 1 ? failures[0] : new AggregateError(failures, `${failures.length} tasks failed`);
  errors.set(failure, error);
  return error;
}
