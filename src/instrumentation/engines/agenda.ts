import { type Context, context, ROOT_CONTEXT } from '@opentelemetry/api';
import type { Execution } from '../../lifecycle/execution-handle.ts';
import { linksTo } from '../../lifecycle/links.ts';
import { neverThrow } from '../../lifecycle/never-throw.ts';
import { ATTR_FINAL } from '../../semconv.ts';
import { claimPrototype, type EngineAdapter, exportOf } from '../engine-adapter.ts';
import type { EngineLifecycle } from '../engine-lifecycle.ts';
import { contextOfJob, correlationIdOfJob } from '../job-carrier.ts';
import { RetriedJobs } from '../retried-jobs.ts';

/** The part of a job that is read. */
interface AgendaJob {
  readonly attrs: {
    readonly name: string;
    readonly _id?: unknown;
    readonly data?: unknown;
    readonly nextRunAt?: Date | null;
    readonly failCount?: number | null;
    readonly fork?: boolean;
  };
  /** True where a worker took it; false where the application has it run. */
  readonly byJobProcessor?: boolean;
  readonly agenda: {
    readonly definitions: Readonly<Record<string, { readonly backoff?: unknown } | undefined>>;
  };
}

interface JobPrototype {
  run(this: AgendaJob): Promise<unknown>;
  runJob(this: AgendaJob): Promise<unknown>;
  fail(this: AgendaJob, reason: unknown): unknown;
  cancel(this: AgendaJob, error?: unknown): unknown;
}

/**
 * agenda: each run of a job is a pipeline. Four public methods of `Job` are wrapped: `run`, which is the whole of it,
 * `runJob`, which is the application's function, `fail` and `cancel`.
 */
export const adapter: EngineAdapter = {
  name: 'agenda',
  recognises: (moduleExports) => jobPrototypeOf(moduleExports) !== undefined,
  instrument(moduleExports, lifecycle) {
    const prototype = jobPrototypeOf(moduleExports);
    if (prototype === undefined || !claimPrototype(prototype)) return undefined;
    const { run, runJob, fail, cancel } = prototype;
    const runs = new WeakMap<AgendaJob, JobRun>();
    const retried = new RetriedJobs();
    prototype.run = function () {
      if (!lifecycle.isOn) return run.call(this);
      const jobRun = new JobRun(this, lifecycle, retried);
      runs.set(this, jobRun);
      return run.call(this).then(
        (value) => {
          jobRun.ended();
          return value;
        },
        (error: unknown) => {
          jobRun.ended({ error });
          throw error;
        },
      );
    };
    prototype.runJob = function () {
      const jobRun = runs.get(this);
      return jobRun === undefined ? runJob.call(this) : jobRun.work(() => runJob.call(this));
    };
    prototype.fail = function (reason) {
      runs.get(this)?.failed(reason);
      return fail.call(this, reason);
    };
    prototype.cancel = function (error) {
      runs.get(this)?.canceled(error);
      return cancel.call(this, error);
    };
    return undefined;
  },
};

interface Thrown {
  readonly error: unknown;
}

/** One run of a job. It starts with the application's function, or with the process that is forked for it. */
class JobRun {
  readonly #job: AgendaJob;
  readonly #lifecycle: EngineLifecycle;
  readonly #retried: RetriedJobs;
  readonly #parent: Context;
  readonly #dueAt: Date | null | undefined;
  #execution: Execution | undefined;
  #thrown: Thrown | undefined;
  /** When the engine means to run it next, before a failure changes that. */
  #nextRunAt: Date | null | undefined;

  constructor(job: AgendaJob, lifecycle: EngineLifecycle, retried: RetriedJobs) {
    this.#job = job;
    this.#lifecycle = lifecycle;
    this.#retried = retried;
    this.#dueAt = job.attrs.nextRunAt;
    // A worker's job is no part of what happened to start the worker; one that is run by hand is part of what does.
    this.#parent = job.byJobProcessor === true ? ROOT_CONTEXT : context.active();
    if (job.attrs.fork === true) this.#start();
  }

  work(call: () => Promise<unknown>): Promise<unknown> {
    this.#start();
    if (this.#execution === undefined) return call();
    return this.#execution.run(call).then(
      (value) => {
        this.#execution?.settleReturned();
        return value;
      },
      (error: unknown) => {
        this.#thrown = { error };
        throw error;
      },
    );
  }

  /** The engine says why it takes the run for failed. The application may say so too, and go on. */
  failed(reason: unknown): void {
    if (this.#job.attrs.fork === true) this.#thrown ??= { error: reason };
  }

  /** The engine gives a run up when its lock expires, although the function still runs. */
  canceled(error: unknown): void {
    neverThrow('a canceled job of agenda', () => {
      if (!(error instanceof Error)) return;
      this.#execution?.end(
        /execution took more than/.test(error.message) ? 'timeout' : 'cancellation',
        error,
      );
      this.#execution?.settleReturned();
    });
  }

  /** The run is over, its job saved and, where it is to be tried again, rescheduled. */
  ended(thrown?: Thrown): void {
    neverThrow('the end of a job of agenda', () => {
      const execution = this.#execution;
      if (execution === undefined || execution.isEnded) return;
      const failure = this.#thrown ?? thrown;
      if (failure === undefined) {
        execution.settleReturned();
        return;
      }
      const { attrs } = this.#job;
      if (this.#isRetried()) {
        const isFollowed = attrs.nextRunAt !== this.#nextRunAt;
        execution.add({ attributes: { [ATTR_FINAL]: !isFollowed } });
        if (isFollowed) this.#retried.failed(String(attrs._id), execution);
      }
      execution.settleThrown(failure.error);
    });
  }

  #start(): void {
    neverThrow('a job of agenda', () => {
      const { attrs } = this.#job;
      this.#nextRunAt = attrs.nextRunAt;
      const id = String(attrs._id);
      const name = this.#lifecycle.nameOf(this.#job) ?? attrs.name;
      const parent = contextOfJob(attrs.data, this.#parent);
      const before = this.#retried.take(id);
      this.#execution = this.#lifecycle.start('pipeline', name, parent, {
        // Without a back-off a failure is not tried again: the next run is the next run.
        attempt: this.#isRetried() ? (attrs.failCount ?? 0) + 1 : 1,
        correlationId: correlationIdOfJob(parent, id),
        scheduledFor: this.#dueAt ?? undefined,
        links: linksTo('retry', before?.span),
        input: attrs.data,
      });
    });
  }

  #isRetried(): boolean {
    return this.#job.agenda.definitions[this.#job.attrs.name]?.backoff !== undefined;
  }
}

function jobPrototypeOf(moduleExports: unknown): JobPrototype | undefined {
  if (typeof exportOf(moduleExports, 'Agenda') !== 'function') return undefined;
  const Job = exportOf(moduleExports, 'Job');
  const prototype = typeof Job === 'function' ? (Job.prototype as Partial<JobPrototype>) : undefined;
  const isJob = [prototype?.run, prototype?.runJob, prototype?.fail, prototype?.cancel].every(
    (method) => typeof method === 'function',
  );
  return isJob ? (prototype as JobPrototype) : undefined;
}
