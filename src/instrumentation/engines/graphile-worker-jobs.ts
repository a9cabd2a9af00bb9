import { type Context, context, ROOT_CONTEXT } from '@opentelemetry/api';
import type { Execution } from '../../lifecycle/execution-handle.ts';
import type { ExecutionOptions } from '../../lifecycle/execution-options.ts';
import { linksTo } from '../../lifecycle/links.ts';
import { neverThrow } from '../../lifecycle/never-throw.ts';
import type { EngineLifecycle } from '../engine-lifecycle.ts';
import { contextOfJob, correlationIdOfJob } from '../job-carrier.ts';
import { RetriedJobs } from '../retried-jobs.ts';
import { type GraphileTasks, lendTask } from './graphile-worker-task.ts';

/** The part of a job that is read. */
export interface GraphileJob {
  readonly id: string;
  readonly task_identifier: string;
  readonly payload: unknown;
  readonly attempts: number;
  readonly max_attempts: number;
  readonly run_at: Date;
  /** What the application calls it, so that there is one of it. */
  readonly key?: string | null;
}

/** Takes one job after the other. */
interface GraphileWorker {
  readonly workerId: string;
  readonly workerPool: object;
}

/** What the events of a worker tell, as far as it is read. */
interface GraphileEvent {
  readonly worker: GraphileWorker;
  readonly workerPool: object;
  readonly tasks: GraphileTasks;
  readonly job: GraphileJob;
  readonly error?: unknown;
  readonly message: string;
}

/** The emitter a worker, or several of them, publish on: the engine's public `WorkerEvents`. */
export interface GraphileEvents {
  on(event: string, listener: (event: GraphileEvent) => void): unknown;
}

/** An attempt at a job that runs. */
interface OpenJob {
  readonly execution: Execution;
  readonly job: GraphileJob;
  /** What the task threw. The engine tells an error of its own where that was none. */
  thrown?: { readonly error: unknown } | undefined;
  /** Takes back what was lent for the call of the task, should it not have come to it. */
  giveBack?: (() => void) | undefined;
}

/** Makes executions of the jobs an emitter tells of. Listeners never throw: before 0.17 nobody would catch it. */
export function subscribeJobs(events: GraphileEvents, lifecycle: EngineLifecycle): void {
  const jobs = new JobExecutions(lifecycle);
  const on = (name: string, listen: (event: GraphileEvent) => void) =>
    events.on(name, (event) => neverThrow(`${name} of graphile-worker`, () => listen(event)));
  on('worker:create', ({ worker, tasks }) => jobs.workerCreated(worker, tasks));
  on('pool:listen:connecting', ({ workerPool }) => jobs.poolListens(workerPool));
  on('job:start', ({ worker, job }) => jobs.start(worker, job));
  on('job:success', ({ worker }) => jobs.succeed(worker));
  on('job:error', ({ worker, error }) => jobs.fail(worker, error));
  on('pool:forcefulShutdown', ({ workerPool, message }) => jobs.giveUp(workerPool, message));
}

class JobExecutions {
  readonly #lifecycle: EngineLifecycle;
  readonly #workers = new WeakMap<
    GraphileWorker,
    { readonly tasks: GraphileTasks; readonly parent: Context }
  >();
  /** Pools that wait for jobs, as opposed to those that do what there is and end. */
  readonly #listening = new WeakSet<object>();
  readonly #open = new Map<GraphileWorker, OpenJob>();
  readonly #retried = new RetriedJobs();

  constructor(lifecycle: EngineLifecycle) {
    this.#lifecycle = lifecycle;
  }

  workerCreated(worker: GraphileWorker, tasks: GraphileTasks): void {
    this.#workers.set(worker, { tasks, parent: context.active() });
  }

  poolListens(pool: object): void {
    this.#listening.add(pool);
  }

  start(worker: GraphileWorker, job: GraphileJob): void {
    if (!this.#lifecycle.isOn) return;
    const known = this.#workers.get(worker);
    const name = this.#lifecycle.nameOf(job) ?? job.task_identifier;
    const parent = contextOfJob(job.payload, this.#contextOf(worker, known?.parent));
    const execution = this.#lifecycle.start('pipeline', name, parent, this.#optionsOf(worker, job, parent));
    const open: OpenJob = { execution, job };
    this.#open.set(worker, open);
    if (known === undefined) return;
    open.giveBack = lendTask(known.tasks, job, execution, this.#lifecycle, (error) => {
      open.thrown = { error };
    });
  }

  succeed(worker: GraphileWorker): void {
    this.#take(worker)?.execution.settleReturned();
  }

  fail(worker: GraphileWorker, error: unknown): void {
    const open = this.#take(worker);
    if (open === undefined) return;
    const { execution, job, thrown } = open;
    if (job.attempts < job.max_attempts) this.#retried.failed(job.id, execution);
    execution.settleThrown(thrown === undefined ? error : thrown.error);
  }

  /** The engine fails the jobs of the pool and ends the process, whatever the tasks still do. */
  giveUp(pool: object, message: string): void {
    for (const worker of [...this.#open.keys()]) {
      if (worker.workerPool !== pool) continue;
      const open = this.#take(worker);
      open?.execution.end('error', new Error(message));
      open?.execution.settleReturned();
    }
  }

  #take(worker: GraphileWorker): OpenJob | undefined {
    const open = this.#open.get(worker);
    this.#open.delete(worker);
    open?.giveBack?.();
    return open;
  }

  /** `runOnce` is part of what calls it. A worker that waits for jobs is not part of what happened to start it. */
  #contextOf(worker: GraphileWorker, created: Context | undefined): Context {
    return created === undefined || this.#listening.has(worker.workerPool) ? ROOT_CONTEXT : created;
  }

  #optionsOf(worker: GraphileWorker, job: GraphileJob, parent: Context): ExecutionOptions {
    return {
      attempt: job.attempts,
      maxAttempts: job.max_attempts,
      final: job.attempts >= job.max_attempts,
      correlationId: correlationIdOfJob(parent, job.key ?? job.id),
      scheduledFor: job.run_at,
      workerId: worker.workerId,
      // Without a key of the application's the correlation id is the job's own.
      ...(typeof job.key === 'string' && { attributes: { 'messaging.message.id': job.id } }),
      input: job.payload,
      links: linksTo('retry', this.#retried.take(job.id)?.span),
    };
  }
}
