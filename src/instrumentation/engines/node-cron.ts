import type { EngineAdapter } from '../engine-adapter.ts';
import type { EngineLifecycle } from '../engine-lifecycle.ts';
import { absolutePathOf } from './node-cron-path.ts';
import { type CronOptions, type CronTask, type CronTaskFunction, followTask } from './node-cron-task.ts';

type Schedule = (expression: string, task: CronTaskFunction | string, options?: CronOptions) => CronTask;

/** What makes tasks, on the module and on its default export. */
const MAKERS = ['schedule', 'createTask'] as const;

type CronExports = { [Name in (typeof MAKERS)[number]]?: Schedule } & { readonly default?: CronExports };

/**
 * node-cron: each time a task is due it is a pipeline. What makes tasks is exchanged, on the module and on its default
 * export, since the class of tasks is not exported: the function runs inside its execution, and what the task tells of
 * times at which it did not run is taken from its own emitter.
 */
export const adapter: EngineAdapter = {
  name: 'node-cron',
  recognises: (moduleExports) => MAKERS.every((name) => typeof makersOf(moduleExports)[name] === 'function'),
  instrument(moduleExports, lifecycle) {
    const makers = makersOf(moduleExports);
    const replacements = Object.fromEntries(
      MAKERS.map((name) => [name, followed(makers[name] as Schedule, lifecycle)] as const),
    );
    Object.assign(makers, replacements);
    const isOnModule = moduleExports !== makers && MAKERS.some((name) => name in (moduleExports as object));
    return isOnModule ? replacements : undefined;
  },
};

/** The default export, an object that can be changed. A CommonJS build that is imported has it one level down. */
function makersOf(moduleExports: unknown): CronExports {
  const exports = moduleExports as CronExports | null | undefined;
  return exports?.default?.default ?? exports?.default ?? exports ?? {};
}

const FOLLOWED = Symbol.for('runledger.instrumented');

/** What follows the tasks that `make` makes; the same for both load hooks, and for every copy of this package. */
function followed(make: Schedule & { [FOLLOWED]?: Schedule }, lifecycle: EngineLifecycle): Schedule {
  if (make[FOLLOWED] !== undefined) return make[FOLLOWED];
  const following: Schedule & { [FOLLOWED]?: Schedule } = (expression, task, options) => {
    if (typeof task === 'string')
      return followTask(make, [expression, absolutePathOf(task, following), options], lifecycle);
    return followTask(make, [expression, task, options], lifecycle);
  };
  following[FOLLOWED] = following;
  make[FOLLOWED] = following;
  return following;
}
