import { type Context, context } from '@opentelemetry/api';
import type { Execution } from '../../lifecycle/execution-handle.ts';
import { neverThrow } from '../../lifecycle/never-throw.ts';
import { claimPrototype, type EngineAdapter, exportOf } from '../engine-adapter.ts';
import type { EngineLifecycle } from '../engine-lifecycle.ts';
import { type Compose, type Composed, type Done, type Extensions, GulpRun } from './gulp-run.ts';
import {
  errorFromFailures,
  type GulpTask,
  nameComposition,
  nameOf,
  type StartedTask,
  type TaskFunction,
} from './gulp-task.ts';
import { OpenAtExit } from './open-at-exit.ts';
import { nameFromTasks } from './task-names.ts';

/** What composes functions into one; undertaker, and so gulp, asks for each by name whenever it composes. */
const COMPOSERS = ['series', 'parallel', 'settleSeries', 'settleParallel'] as const;

type Bach = Record<(typeof COMPOSERS)[number], Compose>;

/**
 * gulp, through bach, which runs its tasks: a composed function that is called is a pipeline, the functions in it are
 * steps, and one whose body is composed itself is a process. bach tells what happens by its extension points, and
 * those of undertaker are called as they would be.
 */
export const adapter: EngineAdapter = {
  name: 'gulp',
  recognises: (moduleExports) => bachOf(moduleExports) !== undefined,
  instrument(moduleExports, lifecycle) {
    const bach = bachOf(moduleExports);
    if (bach === undefined || !claimPrototype(bach)) return;
    const compositions = new GulpCompositions(lifecycle);
    for (const composer of COMPOSERS) {
      const compose = bach[composer];
      bach[composer] = (...args) => {
        const composed = compositions.compose(compose, args);
        nameComposition(composed, composer);
        return composed;
      };
    }
  },
};

/** Functions that were composed, and how. */
interface Composition {
  readonly compose: Compose;
  readonly composed: Composed;
  readonly functions: readonly TaskFunction[];
  readonly extensions: Extensions | undefined;
}

/** What a composition runs in: a pipeline of its own, or the task whose body it is. */
interface Scope {
  readonly context: Context;
  readonly pipeline?: Execution | undefined;
}

/** The task whose function is being called, whichever copy of bach calls it. */
let calling: GulpTask | undefined;

/** The compositions of one copy of bach. */
class GulpCompositions {
  readonly #lifecycle: EngineLifecycle;
  readonly #unsettled = new OpenAtExit('gulp', endIncomplete);

  constructor(lifecycle: EngineLifecycle) {
    this.#lifecycle = lifecycle;
  }

  /** Composes as bach does, which throws for what it can not compose, and sees every call of what that makes. */
  compose(compose: Compose, args: readonly unknown[]): Composed {
    const composed = compose(...args);
    const given: readonly unknown[] = args.flat(Number.POSITIVE_INFINITY);
    const last = given.at(-1);
    const composition: Composition = {
      compose,
      composed,
      functions: given.filter((each): each is TaskFunction => typeof each === 'function'),
      extensions: typeof last === 'object' && last !== null ? last : undefined,
    };
    const run: Composed = (done) => this.#run(run, composition, done);
    return Object.defineProperty(run, 'name', { value: composed.name });
  }

  #run(run: Composed, composition: Composition, done: unknown): unknown {
    const { compose, composed, functions, extensions } = composition;
    const caller = context.active();
    const scope = this.#lifecycle.isOn ? this.#scopeOf(run, functions, caller) : undefined;
    if (scope === undefined) return composed(done);
    const settle = this.#settler(scope.pipeline);
    const finished: Done = (error, ...rest) => {
      settle(error);
      // Not in the task that happened to be the last one.
      if (typeof done === 'function') return context.with(caller, done as Done, undefined, error, ...rest);
      return undefined;
    };
    const gulpRun = new GulpRun(functions, extensions, {
      start: (name, kind) => this.#start(name, kind, scope.context),
      call: callTask,
    });
    try {
      return context.with(scope.context, () =>
        compose(gulpRun.functions, { ...extensions, ...gulpRun.extensions })(finished),
      );
    } catch (error) {
      settle(error);
      throw error;
    }
  }

  /** A task whose function calls a composition, or is one, has it as its body; any other call is a run. */
  #scopeOf(run: Composed, functions: readonly TaskFunction[], caller: Context): Scope | undefined {
    let scope: Scope | undefined;
    neverThrow('a run of gulp', () => {
      const body = calling?.execution;
      if (body !== undefined && !body.isEnded) {
        body.becomeProcess();
        scope = { context: body.context };
        return;
      }
      const name = this.#lifecycle.nameOf(run) ?? nameFromTasks(functions.map(nameOf)) ?? 'gulp';
      const pipeline = this.#lifecycle.start('pipeline', name, caller);
      scope = { context: pipeline.context, pipeline };
    });
    return scope;
  }

  #settler(pipeline: Execution | undefined): (error: unknown) => void {
    if (pipeline === undefined) return () => {};
    const forget = this.#unsettled.watch(pipeline);
    return (error) => {
      forget();
      neverThrow('the end of a run of gulp', () => {
        if (error) pipeline.settleThrown(errorFromFailures(error));
        else pipeline.settleReturned();
      });
    };
  }

  #start(name: string, kind: 'process' | 'step', parent: Context): StartedTask {
    const execution = this.#lifecycle.start(kind, name, parent);
    return { execution, forget: this.#unsettled.watch(execution) };
  }
}

function callTask(task: GulpTask, work: () => unknown): unknown {
  const { execution } = task;
  if (execution === undefined) return work();
  const outer = calling;
  calling = task;
  try {
    return execution.run(work);
  } finally {
    calling = outer;
  }
}

/** What gulp itself can only warn of: a task that never said it is done, or was cut off when another one failed. */
class IncompleteTaskError extends Error {
  override readonly name = 'IncompleteTaskError';
}

function endIncomplete(execution: Execution): void {
  execution.end('error', new IncompleteTaskError('the process ended before the task signalled completion'));
  execution.settleReturned();
}

/** The object behind the exports, whichever way they were loaded; a module namespace itself can not be changed. */
function bachOf(moduleExports: unknown): Bach | undefined {
  const candidates = [exportOf(moduleExports, 'default'), moduleExports];
  return candidates.find((candidate): candidate is Bach => isBach(candidate));
}

function isBach(candidate: unknown): boolean {
  if (typeof candidate !== 'object' || candidate === null) return false;
  const { types } = process.getBuiltinModule('node:util');
  if (types.isModuleNamespaceObject(candidate)) return false;
  return COMPOSERS.every((composer) => typeof (candidate as Partial<Bach>)[composer] === 'function');
}
