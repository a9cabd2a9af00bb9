import type { Execution } from '../../lifecycle/execution-handle.ts';
import { neverThrow } from '../../lifecycle/never-throw.ts';
import type { EngineLifecycle } from '../engine-lifecycle.ts';
import type { GraphileJob } from './graphile-worker-jobs.ts';

type GraphileTask = (payload: unknown, helpers: unknown) => unknown;

/** The application's tasks by identifier. */
export type GraphileTasks = Record<string, GraphileTask | undefined>;

/**
 * Has the next call of a job's task run inside its execution. The engine looks the task up and calls it right after it
 * announced the job, in one synchronous stretch: the table holds ours for that long, and the application never sees
 * it. A table that can not be written is left alone, and the task then runs outside. Returns what puts the task back.
 */
export function lendTask(
  tasks: GraphileTasks,
  job: GraphileJob,
  execution: Execution,
  lifecycle: EngineLifecycle,
  onThrown: (error: unknown) => void,
): (() => void) | undefined {
  const identifier = job.task_identifier;
  const own = Object.getOwnPropertyDescriptor(tasks, identifier);
  const task: unknown = own?.value;
  if (own?.writable !== true || typeof task !== 'function') return undefined;
  let isLent = true;
  const giveBack = () => {
    if (isLent) tasks[identifier] = task as GraphileTask;
    isLent = false;
  };
  tasks[identifier] = (payload, helpers) => {
    giveBack();
    return execution.run(async () => {
      try {
        const result = await (task as GraphileTask)(payload, helpers);
        neverThrow('a batch of graphile-worker', () => followEntries(job, result, execution, lifecycle));
        return result;
      } catch (error) {
        onThrown(error);
        throw error;
      }
    });
  };
  return giveBack;
}

/**
 * A batch job answers a list of payloads with a list of results, some of which may be promises: each is a step, told
 * of when it settles. The engine tries the failed ones again, as a smaller batch.
 */
function followEntries(
  { payload }: GraphileJob,
  result: unknown,
  execution: Execution,
  lifecycle: EngineLifecycle,
): void {
  if (!Array.isArray(payload) || !Array.isArray(result) || payload.length !== result.length) return;
  const startTime = Date.now();
  for (const [index, entry] of result.entries()) {
    const step = () => {
      const attributes = { 'graphile_worker.batch.index': index };
      return lifecycle.start('step', 'entry', execution.context, { startTime, attributes });
    };
    if (!(entry instanceof Promise)) step().settleReturned();
    else
      entry.then(
        () => neverThrow('an entry of graphile-worker', () => step().settleReturned()),
        (error: unknown) => neverThrow('an entry of graphile-worker', () => step().settleThrown(error)),
      );
  }
}
