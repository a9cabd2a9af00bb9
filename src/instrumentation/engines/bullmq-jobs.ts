import { type Context, context, type Span, trace } from '@opentelemetry/api';
import { beforeEnd } from '../../lifecycle/adopted-execution.ts';
import type { Execution } from '../../lifecycle/execution-handle.ts';
import { neverThrow } from '../../lifecycle/never-throw.ts';
import { withoutRun } from '../../lifecycle/propagation.ts';
import { ATTR_FINAL } from '../../semconv.ts';
import type { EngineLifecycle } from '../engine-lifecycle.ts';
import { FailedChildren } from './bullmq-failed-children.ts';
import { flowEndOf } from './bullmq-flows.ts';
import { JobIdentities, type JobIdentity } from './bullmq-identities.ts';
import type { BullmqJob, BullmqWorker } from './bullmq-shapes.ts';
import { contextOfJob } from './bullmq-telemetry.ts';

/** A job between the moment a worker takes it and the moment the worker is done with it. */
interface TakenJob {
  /** The context the job was added in. */
  readonly carried: Context | undefined;
  /** The pipeline that ends with this job. */
  readonly pipeline: Execution | undefined;
  /** Attempts that had ended by then: BullMQ counts this one before it says how it ended. */
  readonly attemptsMade: number;
  /** Errors of those: BullMQ adds that of this one before, too. */
  readonly errorCount: number;
  /** The span that was active before: any other one is the application's telemetry of BullMQ at work. */
  readonly outer: Span | undefined;
  identity: JobIdentity | undefined;
  execution: Execution | undefined;
  thrown: { readonly error: unknown } | undefined;
  /** Ends the pipeline; set once the job is done for good. */
  endPipeline: (() => void) | undefined;
}

/** With these a processor says that it moved the job itself, and is not done with it. */
const PUT_OFF: ReadonlyMap<unknown, string> = new Map([
  ['DelayedError', 'delayed'],
  ['WaitingError', 'waiting'],
  ['WaitingChildrenError', 'waiting for children'],
]);
/** Message of the error with which a processor says that a limit was hit. */
const RATE_LIMITED = 'bullmq:rateLimitExceeded';
/** Message of the error with which BullMQ fails a job that worker after worker was lost with. */
const STALLED_TOO_OFTEN = 'job stalled more than allowable limit';

/** What a job that its worker lost ends with. */
class StalledError extends Error {
  override readonly name = 'StalledError';
}

/** The executions of jobs, in the process of their worker. State hangs on the job, which BullMQ makes anew for each time it is taken. */
export class JobExecutions {
  readonly #lifecycle: EngineLifecycle;
  readonly #identities: JobIdentities;
  readonly #failedChildren = new FailedChildren();
  readonly #taken = new WeakMap<BullmqJob, TakenJob>();

  constructor(lifecycle: EngineLifecycle) {
    this.#lifecycle = lifecycle;
    this.#identities = new JobIdentities(lifecycle);
  }

  /** The worker takes a job, and is done with it when `work` is. */
  take<T>(job: BullmqJob | undefined, work: () => Promise<T>): Promise<T> {
    if (!this.#lifecycle.isOn || typeof job?.name !== 'string') return work();
    let taken: TakenJob | undefined;
    neverThrow('a job of bullmq', () => {
      taken = this.#take(job);
      this.#taken.set(job, taken);
    });
    if (taken === undefined) return work();
    const { pipeline } = taken;
    const done = () => neverThrow('the end of a job of bullmq', () => this.#leave(job));
    return (pipeline === undefined ? work() : pipeline.run(work)).then(
      (next) => {
        done();
        return next;
      },
      (error: unknown) => {
        done();
        throw error;
      },
    );
  }

  /** The worker calls the processor: what that does is inside the job's execution. */
  process(worker: BullmqWorker, job: BullmqJob, processor: () => unknown): unknown {
    const taken = this.#taken.get(job);
    if (taken === undefined) return processor();
    neverThrow('a job of bullmq', () => this.#begin(worker, job, taken));
    const { execution } = taken;
    if (execution === undefined) return processor();
    let result: unknown;
    try {
      result = execution.run(processor);
    } catch (error) {
      this.#threw(job, taken, error);
      throw error;
    }
    // The worker waits for it too, and handles what it rejects with.
    if (result instanceof Promise) result.then(undefined, (error: unknown) => this.#threw(job, taken, error));
    return result;
  }

  /** The worker says what became of a job. */
  told(worker: BullmqWorker, event: string, job: BullmqJob | undefined, error: unknown): void {
    if ((event !== 'completed' && event !== 'failed') || typeof job?.name !== 'string') return;
    // What began while the engine was switched on ends, too.
    if (!this.#lifecycle.isOn && !this.#taken.has(job)) return;
    neverThrow('the end of a job of bullmq', () => {
      if (event === 'completed') this.#completed(job);
      else this.#failed(worker, job, error);
    });
  }

  #take(job: BullmqJob): TakenJob {
    const carried = contextOfJob(job.opts);
    const outer = trace.getSpan(context.active());
    // What a schedule makes belongs to nobody who happened to set up the schedule.
    const end = carried === undefined || job.repeatJobKey !== undefined ? undefined : flowEndOf(carried);
    const pipeline =
      end && this.#lifecycle.start('pipeline', end.pipeline, end.context, JobIdentities.ofFlow(job, end));
    const { attemptsMade, stacktrace } = job;
    return {
      carried,
      pipeline,
      attemptsMade,
      errorCount: stacktrace?.length ?? 0,
      outer,
      identity: undefined,
      execution: undefined,
      thrown: undefined,
      endPipeline: undefined,
    };
  }

  /** Makes the job's execution: of the application's own span for it, where there is one. */
  #begin(worker: BullmqWorker, job: BullmqJob, taken: TakenJob): void {
    const identity = this.#identities.of(worker, job, taken);
    const { kind, name, parent, options } = identity;
    taken.identity = identity;
    const span = worker.opts.telemetry === undefined ? undefined : trace.getActiveSpan();
    if (span !== undefined && span !== taken.outer && span !== taken.pipeline?.span) {
      const around = kind === 'pipeline' ? withoutRun(context.active()) : context.active();
      taken.execution = this.#lifecycle.adopt(span, kind, name, around, options);
      beforeEnd(span, () => this.#settle(job, taken));
      return;
    }
    taken.execution = this.#lifecycle.start(kind, name, taken.pipeline?.context ?? parent, options);
  }

  /** Kept before BullMQ knows of it: it may fail a waiting job sooner than it says that this one failed. */
  #threw(job: BullmqJob, taken: TakenJob, error: unknown): void {
    taken.thrown = { error };
    if (!PUT_OFF.has(textOf(error, 'name'))) this.#keep(job, taken, error);
  }

  #keep(job: BullmqJob, { identity }: TakenJob, error: unknown): void {
    if (identity !== undefined) this.#failedChildren.keep(identity.key, job, error);
  }

  #completed(job: BullmqJob): void {
    const taken = this.#taken.get(job);
    if (taken === undefined) return;
    taken.execution?.settleReturned();
    taken.endPipeline = () => taken.pipeline?.settleReturned();
  }

  /** Also where the processor was never called: a child failed, or the job was lost too often. */
  #failed(worker: BullmqWorker, job: BullmqJob, thrown: unknown): void {
    const known = this.#taken.get(job);
    const taken = known ?? this.#take(job);
    if (taken.execution === undefined) this.#begin(worker, job, taken);
    const isFinal = typeof job.finishedOn === 'number';
    const error = this.#failedChildren.explain(thrown);
    // Of a job that waited for one that failed there is nothing else to know; those that wait for it fail next.
    this.#keep(job, taken, error);
    taken.execution?.add({ attributes: { [ATTR_FINAL]: isFinal } });
    fail(taken.execution, error);
    if (isFinal) taken.endPipeline = () => fail(taken.pipeline, error);
    else this.#remember(job, taken);
    // A job that the worker never had: what became of it was found out by looking after the others.
    if (known === undefined) taken.endPipeline?.();
  }

  /** The worker is done with it. */
  #leave(job: BullmqJob): void {
    const taken = this.#taken.get(job);
    if (taken === undefined) return;
    this.#taken.delete(job);
    this.#settle(job, taken);
    // Last, since a telemetry of the application's own ends the job's span late.
    if (taken.endPipeline === undefined) taken.pipeline?.defer('not done yet');
    else taken.endPipeline();
  }

  /** Ends, or puts off, what nobody told the end of. */
  #settle(job: BullmqJob, taken: TakenJob): void {
    const { execution, thrown } = taken;
    if (execution === undefined || execution.isEnded) return;
    this.#putOff(job, execution, thrown?.error);
    this.#remember(job, taken);
  }

  #putOff(job: BullmqJob, execution: Execution, error: unknown): void {
    const isRateLimited = textOf(error, 'message') === RATE_LIMITED;
    const reason = isRateLimited ? 'rate limited' : PUT_OFF.get(textOf(error, 'name'));
    if (reason === undefined) {
      execution.end(
        'error',
        new StalledError(`the worker lost job ${job.id}: its lock expired, or it was closed`),
      );
      execution.settleReturned();
      return;
    }
    if (isRateLimited) this.#reject(job, execution);
    execution.defer(reason);
  }

  #remember(job: BullmqJob, { identity, execution }: TakenJob): void {
    if (identity !== undefined && execution !== undefined) this.#identities.leave(job, identity, execution);
  }

  /** The job goes on later; that it was not let through now is a fact of its own. */
  #reject(job: BullmqJob, execution: Execution): void {
    const rejected = this.#lifecycle.start('step', `${execution.name} (rate limit)`, execution.context);
    rejected.reject({ reason: 'rate_limit', detail: `queue ${job.queueName}` });
    rejected.settleReturned();
  }
}

function fail(execution: Execution | undefined, error: unknown): void {
  if (textOf(error, 'message') === STALLED_TOO_OFTEN) execution?.end('error', error);
  execution?.settleThrown(error);
}

function textOf(error: unknown, field: 'name' | 'message'): unknown {
  return (error as { readonly name?: unknown; readonly message?: unknown } | null | undefined)?.[field];
}
