import {
  type Attributes,
  type Context,
  type Link,
  ROOT_CONTEXT,
  type SpanContext,
  trace,
} from '@opentelemetry/api';
import type { ExecutionKind } from '../../execution.ts';
import type { Execution } from '../../lifecycle/execution-handle.ts';
import type { ExecutionOptions } from '../../lifecycle/execution-options.ts';
import { linksTo } from '../../lifecycle/links.ts';
import { remoteRunOf } from '../../lifecycle/remote-run.ts';
import { type SharedRecord, sharedIds } from '../../lifecycle/shared-record.ts';
import { startedAtOfRecordId } from '../../record-id.ts';
import type { EngineLifecycle } from '../engine-lifecycle.ts';
import { type FlowEnd, withoutFlow } from './bullmq-flows.ts';
import type { BullmqJob, BullmqWorker } from './bullmq-shapes.ts';

// As `bullmq-otel` calls them.
const ATTR_JOB_ID = 'bullmq.job.id';
const ATTR_PARENT_KEY = 'bullmq.job.parent.key';
const ATTR_STALLED = 'bullmq.job.stalled';

/** What a job's execution starts with. */
export interface JobIdentity {
  /** Names the job in every process. */
  readonly key: string;
  readonly kind: ExecutionKind;
  readonly name: string;
  readonly parent: Context;
  readonly options: ExecutionOptions & { readonly attempt: number; readonly record: SharedRecord };
}

/** What is known of a job when a worker takes it. */
export interface JobOrigin {
  /** The context the job was added in. */
  readonly carried: Context | undefined;
  readonly attemptsMade: number;
  /** Errors of attempts before that the job still had. BullMQ adds that of this one before it says how it ended. */
  readonly errorCount: number;
}

/** What is known of a job that this process worked on, and that is not done. */
interface LeftJob {
  readonly span: SpanContext;
  readonly record: SharedRecord;
  readonly startedAt: number;
  readonly leftAt: number;
}

/** Jobs that are remembered until they are taken again; most are taken again elsewhere. */
const MAX_LEFT = 10_000;

/**
 * Who a job is. A job that is part of a run is a process of it; any other is a pipeline. Each attempt is an execution of
 * its own. An attempt that is put off and gone on with, by whichever worker, is one record, because its ids follow from
 * queue, job and attempt; one whose worker was lost is done again as another.
 */
export class JobIdentities {
  readonly #lifecycle: EngineLifecycle;
  readonly #left = new Map<string, LeftJob>();

  constructor(lifecycle: EngineLifecycle) {
    this.#lifecycle = lifecycle;
  }

  of(worker: BullmqWorker, job: BullmqJob, origin: JobOrigin): JobIdentity {
    const { carried, attemptsMade } = origin;
    const { id, queueName, opts } = job;
    const isScheduled = job.repeatJobKey !== undefined;
    const isOfRun = !isScheduled && carried !== undefined && remoteRunOf(carried) !== undefined;
    const attempt = attemptsMade + 1;
    const maxAttempts = opts?.attempts ?? 1;
    const key = `${worker.qualifiedName}:${id}`;
    const { recordId, runId } = sharedIds(job.timestamp, `bullmq ${key} ${attemptKeyOf(job, origin)}`);
    const left = this.#take(key);
    return {
      key,
      kind: isOfRun ? 'process' : 'pipeline',
      name: this.#lifecycle.nameOf(job) ?? job.name,
      parent: carried === undefined || isScheduled ? ROOT_CONTEXT : withoutFlow(carried),
      options: {
        attempt,
        ...(maxAttempts > 1 && { maxAttempts, final: attempt >= maxAttempts }),
        // A job that is nobody's is its own business unit, and each attempt at it is a run.
        ...(!isOfRun && { runId, correlationId: `${queueName}:${id}` }),
        record: recordOf(recordId, job, attemptsMade, left),
        links: linksOf(recordId, left, isScheduled ? carried : undefined),
        waitMs: waitMsOf(job),
        source: queueName,
        workerId: worker.opts.name ?? worker.id,
        input: job.data,
        attributes: attributesOf(job),
      },
    };
  }

  /** The pipeline that ends with this job. It began where the flow was added. */
  static ofFlow(job: BullmqJob, { recordId, run }: FlowEnd): ExecutionOptions {
    return {
      runId: run.runId,
      startTime: startedAtOfRecordId(recordId) ?? job.timestamp,
      // The first segment is where the flow was added; each time its root job is taken is a further one.
      record: { id: recordId, segment: 1 + (job.attemptsStarted ?? 1) },
      target: job.queueName,
      input: job.data,
    };
  }

  /** The job is not done, and this process lets go of it. */
  leave(job: BullmqJob, { key, options }: JobIdentity, execution: Execution): void {
    if (this.#left.size >= MAX_LEFT) this.#left.clear();
    const { record } = options;
    const startedAt = record.startedAt ?? job.processedOn ?? Date.now();
    const span = execution.span.spanContext();
    this.#left.set(key, { record, startedAt, span, leftAt: Date.now() });
  }

  #take(key: string): LeftJob | undefined {
    if (this.#left.size === 0) return undefined;
    const left = this.#left.get(key);
    this.#left.delete(key);
    return left;
  }
}

/**
 * Tells apart the attempts at a job: by number, by how often its worker was lost, and by the errors of earlier attempts
 * that no longer count, because somebody had it start over.
 */
function attemptKeyOf({ stalledCounter = 0 }: BullmqJob, { attemptsMade, errorCount }: JobOrigin): string {
  const forgotten = Math.max(0, errorCount - attemptsMade);
  return `${attemptsMade + 1}.${stalledCounter}.${forgotten}`;
}

/** A job is started once for each attempt that ended and for each worker that was lost; any more is a put-off. */
function recordOf(
  id: string,
  { attemptsStarted = 1, stalledCounter = 0 }: BullmqJob,
  attemptsMade: number,
  left: LeftJob | undefined,
): SharedRecord {
  const segment = Math.max(1, attemptsStarted - attemptsMade - stalledCounter);
  if (left?.record.id !== id) return { id, segment };
  const { startedAt, leftAt, record } = left;
  const suspendedMs = (record.suspendedMs ?? 0) + Math.max(0, Date.now() - leftAt);
  return { id, segment, startedAt, suspendedMs };
}

/** What a schedule makes does not belong to the code that set it up, but links to it. */
function linksOf(
  recordId: string,
  left: LeftJob | undefined,
  scheduledIn: Context | undefined,
): readonly Link[] {
  const trigger = scheduledIn === undefined ? [] : linksTo('trigger', trace.getSpanContext(scheduledIn));
  if (left === undefined) return trigger;
  return [...linksTo(left.record.id === recordId ? 'resume' : 'retry', left.span), ...trigger];
}

function attributesOf({ id, parentKey, stalledCounter = 0 }: BullmqJob): Attributes {
  return {
    ...(id !== undefined && { [ATTR_JOB_ID]: id }),
    ...(parentKey !== undefined && { [ATTR_PARENT_KEY]: parentKey }),
    ...(stalledCounter > 0 && { [ATTR_STALLED]: stalledCounter }),
  };
}

/** From when it was due, known for its first start alone. */
function waitMsOf({ attemptsStarted, processedOn, timestamp, opts }: BullmqJob): number | undefined {
  if (attemptsStarted !== undefined && attemptsStarted > 1) return undefined;
  return processedOn === undefined ? undefined : Math.max(0, processedOn - timestamp - (opts?.delay ?? 0));
}
