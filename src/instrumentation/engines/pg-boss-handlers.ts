import { type Context, context, type Span, trace } from '@opentelemetry/api';
import type { Outcome } from '../../execution.ts';
import type { Execution } from '../../lifecycle/execution-handle.ts';
import type { ExecutionOptions } from '../../lifecycle/execution-options.ts';
import { linksTo } from '../../lifecycle/links.ts';
import { neverThrow } from '../../lifecycle/never-throw.ts';
import type { EngineLifecycle } from '../engine-lifecycle.ts';
import { correlationIdOfJob } from '../job-carrier.ts';
import { RetriedJobs } from '../retried-jobs.ts';
import { settleBatch } from './pg-boss-batch.ts';
import { endOfFlow, type Flow, type FlowFailure, flowOf } from './pg-boss-flows.ts';
import { attemptOf, failureOf, type PgBossJob } from './pg-boss-job.ts';
import { whenGivenUp } from './pg-boss-limits.ts';

/** What the application gives to `work`. */
export type PgBossHandler = (jobs: readonly PgBossJob[], ...rest: unknown[]) => unknown;

/** Makes executions of the calls of handlers. */
export class PgBossHandlers {
  readonly #lifecycle: EngineLifecycle;
  readonly #retried = new RetriedJobs();

  constructor(lifecycle: EngineLifecycle) {
    this.#lifecycle = lifecycle;
  }

  /** The handler, which takes its jobs inside an execution; `settings` are what `work` was told. */
  wrap(queue: string, settings: unknown, handler: PgBossHandler): PgBossHandler {
    const isPerJob = (settings as { readonly perJobResults?: unknown } | undefined)?.perJobResults === true;
    return (jobs, ...rest) => {
      let call: HandlerCall | undefined;
      if (this.#lifecycle.isOn && Array.isArray(jobs) && jobs.length > 0) {
        neverThrow('jobs of pg-boss', () => {
          call = new HandlerCall(queue, jobs, isPerJob, this.#lifecycle, this.#retried);
        });
      }
      return call === undefined ? handler(jobs, ...rest) : call.run(() => handler(jobs, ...rest));
    };
  }
}

/** One call of a handler, with one job or a batch. */
class HandlerCall {
  readonly #jobs: readonly PgBossJob[];
  readonly #isPerJob: boolean;
  readonly #lifecycle: EngineLifecycle;
  readonly #retried: RetriedJobs;
  readonly #startTime = Date.now();
  readonly #flow: Flow | undefined;
  readonly #execution: Execution;
  readonly #forget: () => void;

  constructor(
    queue: string,
    jobs: readonly PgBossJob[],
    isPerJob: boolean,
    lifecycle: EngineLifecycle,
    retried: RetriedJobs,
  ) {
    this.#jobs = jobs;
    this.#isPerJob = isPerJob;
    this.#lifecycle = lifecycle;
    this.#retried = retried;
    const { flow, outside: parent } = flowOf(context.active());
    this.#flow = flow;
    const kind = flow === undefined ? 'pipeline' : 'process';
    const [first] = jobs;
    const name = (first === undefined ? undefined : lifecycle.nameOf(first)) ?? queue;
    const options = this.#optionsOf(parent);
    const span = engineSpanOf(parent);
    this.#execution =
      span === undefined
        ? lifecycle.start(kind, name, parent, options)
        : lifecycle.adopt(span, kind, name, parent, options);
    this.#forget = whenGivenUp(jobs, (outcome, error) =>
      neverThrow('a handler that pg-boss gave up', () => {
        this.#execution.end(outcome, error);
        this.#settle(error, outcome);
      }),
    );
  }

  /** The engine awaits what a handler returns, so it gets a promise whatever that is. */
  run(work: () => unknown): Promise<unknown> {
    return this.#execution.run(async () => {
      try {
        const result = await work();
        neverThrow('results of pg-boss', () => this.#returned(result));
        return result;
      } catch (error) {
        neverThrow('a failure of pg-boss', () => this.#settle(error));
        throw error;
      }
    });
  }

  #optionsOf(parent: Context): ExecutionOptions {
    const [job] = this.#jobs;
    if (job === undefined || this.#jobs.length > 1) {
      const count = this.#jobs.length;
      return {
        attributes: { 'messaging.system': 'pg-boss', 'messaging.batch.message_count': count },
        input: this.#jobs.map(({ data }) => data),
      };
    }
    const before = this.#retried.take(job.id);
    return {
      ...attemptOf(job, before?.attempt),
      correlationId: correlationIdOfJob(parent, job.id),
      scheduledFor: job.startAfter,
      attributes: { 'messaging.system': 'pg-boss', 'messaging.message.id': job.id },
      links: linksTo('retry', before?.span),
      input: job.data,
    };
  }

  #returned(result: unknown): void {
    if (this.#execution.isEnded) return;
    this.#forget();
    if (this.#jobs.length > 1) {
      settleBatch(this.#jobs, this.#startTime, this.#execution, this.#lifecycle, {
        results: this.#isPerJob ? result : undefined,
      });
    } else if (this.#isPerJob) {
      const failed = failureOf(result, this.#jobs[0]?.id);
      if (failed !== undefined) {
        this.#settle(failed.output);
        return;
      }
    }
    this.#execution.settleReturned();
    this.#tellFlow(undefined);
  }

  /** `outcome` is how it ends where the engine went on without it; otherwise the error says it. */
  #settle(error: unknown, outcome?: Outcome): void {
    if (this.#execution.isEnded) return;
    this.#forget();
    const [job] = this.#jobs;
    if (this.#jobs.length > 1) {
      settleBatch(this.#jobs, this.#startTime, this.#execution, this.#lifecycle, { error });
    } else if (job !== undefined) this.#retried.failed(job.id, this.#execution);
    if (error === undefined) {
      this.#execution.fail();
      this.#execution.settleReturned();
    } else this.#execution.settleThrown(error);
    this.#tellFlow({ error, outcome });
  }

  /** What this attempt means for the flow its job belongs to. */
  #tellFlow(failure: Omit<FlowFailure, 'isFinal'> | undefined): void {
    const [job] = this.#jobs;
    if (this.#flow === undefined || job === undefined) return;
    const isFinal = attemptOf(job).final === true;
    const failed = failure === undefined ? undefined : { ...failure, isFinal };
    endOfFlow(this.#flow, job.id, this.#execution, this.#lifecycle, failed);
  }
}

/** The span the engine made for this call, where it has any and it is recorded. */
function engineSpanOf(active: Context): Span | undefined {
  const span = trace.getSpan(active) as
    | (Span & { readonly instrumentationScope?: { readonly name?: string } })
    | undefined;
  return span?.instrumentationScope?.name === 'pg-boss' && span.isRecording() ? span : undefined;
}
