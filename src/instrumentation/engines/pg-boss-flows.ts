import {
  type Context,
  context,
  createContextKey,
  propagation,
  ROOT_CONTEXT,
  type TextMapGetter,
  type TextMapSetter,
  trace,
} from '@opentelemetry/api';
import type { Outcome } from '../../execution.ts';
import { currentExecution } from '../../lifecycle/current-execution.ts';
import type { Execution } from '../../lifecycle/execution-handle.ts';
import { neverThrow } from '../../lifecycle/never-throw.ts';
import { remoteRunOf, withRemoteRun } from '../../lifecycle/remote-run.ts';
import { sharedIds } from '../../lifecycle/shared-record.ts';
import { spanContextFromTraceparent, traceparentFromSpanContext } from '../../lifecycle/traceparent.ts';
import type { EngineLifecycle } from '../engine-lifecycle.ts';

/** A job of a flow, as it is given to `flow`. */
export interface FlowJob {
  readonly ref?: unknown;
  readonly name?: unknown;
  readonly dependsOn?: readonly unknown[];
  readonly options?: { readonly id?: string };
}

/** What every job of a flow carries. */
export interface Flow {
  readonly recordId: string;
  readonly name: string;
  /** Milliseconds since the Unix epoch. */
  readonly startedAt: number;
  readonly traceparent: string;
  /** Record of the execution that started the flow. */
  readonly parent?: string | undefined;
  /** Ids of the jobs nothing depends on: with the last of them the flow ends. Absent where they are many: any job's. */
  readonly last?: readonly string[] | undefined;
}

/** Last jobs whose ids every job of a flow carries. */
const MAX_LAST = 16;
/** Names in the name of a flow. */
const MAX_NAMES = 3;
/** Where a flow is in what a job carries. */
const FIELD = 'runledger-flow';
const FLOW = createContextKey('runledger pg-boss flow');
/** Later words on a flow count more, and that a job failed for good counts most. Revisions are 32 bits. */
const MAX_ELAPSED_MS = 400_000_000;
const FOR_GOOD = 500_000_000;

/** How an attempt at a job of a flow went wrong. */
export interface FlowFailure {
  readonly error: unknown;
  /** Where the engine went on without its handler; otherwise the error says it. */
  readonly outcome: Outcome | undefined;
  /** Whether no other attempt follows, as far as that is known. */
  readonly isFinal: boolean;
}

/** What a context carries of the flow that is started in it, or that its job belongs to. */
interface Carried {
  readonly flow: Flow;
  isCarried: boolean;
}

/** A flow that is handed to the engine: a pipeline that goes on, elsewhere, until its last job has ended. */
export class StartedFlow {
  readonly #jobs: readonly FlowJob[];
  readonly #pipeline: Execution;
  readonly #carried: Carried;

  constructor(jobs: readonly FlowJob[], lifecycle: EngineLifecycle) {
    const { randomUUID } = process.getBuiltinModule('node:crypto');
    const last = lastOf(jobs);
    const startedAt = Date.now();
    const { recordId } = sharedIds(startedAt, `pg-boss flow ${randomUUID()}`);
    const name = lifecycle.nameOf(jobs) ?? nameOf(jobs);
    const around = context.active();
    const parent = currentExecution()?.recordId ?? remoteRunOf(around)?.parentRecordId;
    // The engine would make the ids itself. Those of the last jobs have to be known before.
    this.#jobs = jobs.map((job) =>
      last?.has(job) === true ? { ...job, options: { id: randomUUID(), ...job.options } } : job,
    );
    this.#pipeline = lifecycle.start('pipeline', name, around, { record: { id: recordId, segment: 1 } });
    const ended = this.#jobs.filter((_, index) => last?.has(jobs[index] ?? {}) === true);
    const flow = {
      recordId,
      name,
      startedAt,
      traceparent: traceparentFromSpanContext(this.#pipeline.span.spanContext()),
      parent,
      last: last && ended.map(({ options }) => String(options?.id)),
    };
    this.#carried = { flow, isCarried: false };
  }

  /** `send` hands the jobs to the engine. What it returns passes through. */
  send(send: (jobs: readonly FlowJob[]) => Promise<unknown>): Promise<unknown> {
    const pipeline = this.#pipeline;
    const active = pipeline.context.setValue(FLOW, this.#carried);
    return context.with(active, send, undefined, this.#jobs).then(
      (refs) => {
        // Without propagation nobody will ever know of its jobs: it was handed over, and that is all.
        if (this.#carried.isCarried) pipeline.defer('jobs');
        else pipeline.settleReturned();
        return refs;
      },
      (error: unknown) => {
        pipeline.settleThrown(error);
        throw error;
      },
    );
  }
}

/** Writes the flow that is being started, where one is, into what its jobs carry. */
export function injectFlow<Carrier>(from: Context, carrier: Carrier, setter: TextMapSetter<Carrier>): void {
  const carried = from.getValue(FLOW) as Carried | undefined;
  if (carried === undefined) return;
  setter.set(carrier, FIELD, JSON.stringify(carried.flow));
  carried.isCarried = true;
}

/** Reads the flow a job belongs to into its context. */
export function extractFlow<Carrier>(
  into: Context,
  carrier: Carrier,
  getter: TextMapGetter<Carrier>,
): Context {
  const text = getter.get(carrier, FIELD);
  let read = into;
  neverThrow('a flow of pg-boss', () => {
    const flow = typeof text === 'string' ? (JSON.parse(text) as Flow) : undefined;
    if (typeof flow?.recordId === 'string') read = into.setValue(FLOW, { flow, isCarried: true });
  });
  return read;
}

/** The flow the job in a context belongs to, and the context without it: what the job sends is no part of the flow. */
export function flowOf(active: Context): { readonly flow: Flow | undefined; readonly outside: Context } {
  const carried = active.getValue(FLOW) as Carried | undefined;
  return carried === undefined
    ? { flow: undefined, outside: active }
    : { flow: carried.flow, outside: active.deleteValue(FLOW) };
}

/**
 * Says what an attempt at a job means for its flow: a failure fails it, until a later word says better; the last job
 * completes it. Of several last jobs the one that ends last has the word.
 */
export function endOfFlow(
  flow: Flow,
  jobId: string,
  attempt: Execution,
  lifecycle: EngineLifecycle,
  failure: FlowFailure | undefined,
): void {
  if (failure === undefined && flow.last?.includes(jobId) === false) return;
  const elapsed = Math.min(Math.max(0, Date.now() - flow.startedAt), MAX_ELAPSED_MS);
  const segment = 2 + elapsed + (failure?.isFinal === true ? FOR_GOOD : 0);
  const { recordId: id, startedAt, name } = flow;
  const pipeline = lifecycle.start('pipeline', name, surroundingsOf(flow, attempt), {
    record: { id, segment, startedAt },
  });
  if (failure === undefined) {
    pipeline.settleReturned();
    return;
  }
  if (failure.outcome !== undefined) pipeline.end(failure.outcome, failure.error);
  pipeline.settleThrown(failure.error);
}

/** Where the flow was started: its trace, its run and its parent, as the job knows them. */
function surroundingsOf(flow: Flow, { runId, identity, context: own }: Execution): Context {
  const started = spanContextFromTraceparent(flow.traceparent);
  const at = started === undefined ? ROOT_CONTEXT : trace.setSpanContext(ROOT_CONTEXT, started);
  const baggage = propagation.getBaggage(own);
  return withRemoteRun(baggage === undefined ? at : propagation.setBaggage(at, baggage), {
    ...remoteRunOf(own),
    runId,
    pipeline: undefined,
    parentRecordId: flow.parent,
    correlationId: identity.remote?.correlationId,
    tenant: identity.tenant,
  });
}

/** The jobs nothing depends on; undefined where there are too many of them to be told to all. */
function lastOf(jobs: readonly FlowJob[]): ReadonlySet<object> | undefined {
  const before = new Set(jobs.flatMap(({ dependsOn }) => dependsOn ?? []));
  const last = jobs.filter(({ ref }) => !before.has(ref));
  return last.length > MAX_LAST ? undefined : new Set(last);
}

/** A flow has no name: it is called after its first queues, so that flows of one kind share a name. */
function nameOf(jobs: readonly FlowJob[]): string {
  const names = [...new Set(jobs.map(({ name }) => String(name)))];
  const left = names.length - MAX_NAMES;
  return names.slice(0, MAX_NAMES).join(', ') + (left > 0 ? ` +${left}` : '');
}
