import { GulpTask, type TaskFunction, type TaskSurroundings } from './gulp-task.ts';

export type Done = (error: unknown, ...rest: unknown[]) => unknown;
export type Composed = (done: unknown) => unknown;
export type Compose = (...functionsAndExtensions: unknown[]) => Composed;

/** Extension points of bach: what `create` returns for a function is handed to the others. */
interface ExtensionPoints {
  create(fn: TaskFunction, key: unknown): unknown;
  before(storage: unknown): unknown;
  after(result: unknown, storage: unknown): unknown;
  error(error: unknown, storage: unknown): unknown;
}

export type Extensions = { readonly [Point in keyof ExtensionPoints]?: ExtensionPoints[Point] | undefined };

/** What a function came to, in a composition that goes on after failures. */
interface Settled {
  readonly state?: unknown;
  readonly value?: unknown;
}

/**
 * One run of a composition. bach is given functions and extension points of this run's own, so that two runs of one
 * composition at once, or of one function twice, are never taken for each other.
 */
export class GulpRun {
  readonly functions: readonly TaskFunction[];
  readonly extensions: ExtensionPoints;

  constructor(functions: readonly TaskFunction[], given: Extensions = {}, around: TaskSurroundings) {
    const tasks = new Map<unknown, GulpTask>();
    for (const fn of functions) {
      const task = new GulpTask(fn, around);
      tasks.set(task.called, task);
    }
    this.functions = [...tasks.keys()] as readonly TaskFunction[];
    this.extensions = extensionsOf(tasks, given);
  }
}

/** Each is called as bach would call it: with its own storage, and with the others as `this`, which undertaker uses. */
function extensionsOf(tasks: ReadonlyMap<unknown, GulpTask>, given: Extensions): ExtensionPoints {
  const own: ExtensionPoints = {
    create: given.create ?? nothing,
    before: given.before ?? nothing,
    after: given.after ?? nothing,
    error: given.error ?? nothing,
  };
  return {
    create(called, key) {
      const task = tasks.get(called);
      if (task === undefined) return own.create(called, key);
      task.storage = own.create(task.fn, key) || {};
      return task;
    },
    before(task) {
      if (!(task instanceof GulpTask)) return own.before(task);
      task.begin();
      return own.before(task.storage);
    },
    after(result, task) {
      if (!(task instanceof GulpTask)) return own.after(result, task);
      const failure = failureIn(result);
      if (failure === undefined) task.succeed();
      else task.fail(failure.value);
      return own.after(result, task.storage);
    },
    error(error, task) {
      if (!(task instanceof GulpTask)) return own.error(error, task);
      task.fail(error);
      return own.error(error, task.storage);
    },
  };
}

function failureIn(result: unknown): Settled | undefined {
  const settled = result as Settled | null | undefined;
  return settled?.state === 'error' ? settled : undefined;
}

function nothing(): undefined {
  return undefined;
}
