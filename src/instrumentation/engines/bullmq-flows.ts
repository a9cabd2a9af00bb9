import { type Context, context, createContextKey, propagation } from '@opentelemetry/api';
import type { Execution } from '../../lifecycle/execution-handle.ts';
import { neverThrow } from '../../lifecycle/never-throw.ts';
import { contextToHandOver } from '../../lifecycle/propagation.ts';
import { type RemoteRun, remoteRunOf, withRemoteRun } from '../../lifecycle/remote-run.ts';
import type { EngineLifecycle } from '../engine-lifecycle.ts';
import type { BullmqFlow, TelemetryHolder } from './bullmq-shapes.ts';
import { whilePropagating } from './bullmq-telemetry.ts';

/** Under this key of the context are the flows that are being added, with their pipelines. */
const ADDING = createContextKey('runledger flows of bullmq');

/**
 * Baggage of a flow's root job: record id of the pipeline, and after a dot that of the pipeline's parent. The pipeline
 * ends with that job, most often in another process than the one that added the flow.
 */
const ATTR_FLOW = 'runledger.bullmq.flow';

/** What `addNode` of a `FlowProducer` is given, which is protected and has this name since flows exist. */
export interface NodeArguments {
  readonly node: BullmqFlow;
}

/** Flows that are added: each is a pipeline, which begins here and ends where its root job ends. */
export class FlowRuns {
  readonly #lifecycle: EngineLifecycle;

  constructor(lifecycle: EngineLifecycle) {
    this.#lifecycle = lifecycle;
  }

  /** Adds flows. What `call` resolves to, or rejects with, passes through. */
  add<T>(flows: unknown, call: () => Promise<T>): Promise<T> {
    if (!this.#lifecycle.isOn || !Array.isArray(flows)) return call();
    const pipelines = new Map<BullmqFlow, Execution>();
    neverThrow('a flow of bullmq', () => {
      for (const flow of flows as readonly BullmqFlow[]) {
        if (typeof flow?.name === 'string' && flow.opts?.telemetry?.omitContext !== true)
          pipelines.set(flow, this.#start(flow));
      }
    });
    if (pipelines.size === 0) return call();
    const settle = (end: (pipeline: Execution) => void) => {
      for (const pipeline of pipelines.values()) neverThrow('a flow of bullmq', () => end(pipeline));
    };
    return context.with(context.active().setValue(ADDING, pipelines), call).then(
      (added) => {
        // A producer that is being closed adds nothing, and says so by nothing.
        settle((pipeline) => (added === undefined ? pipeline.end('cancellation') : pipeline.detach()));
        settle((pipeline) => pipeline.settleReturned());
        return added;
      },
      (error: unknown) => {
        settle((pipeline) => pipeline.settleThrown(error));
        throw error;
      },
    );
  }

  /** Adds one job of a flow: the root carries the pipeline, and everybody below it the run. */
  addNode<T>(producer: TelemetryHolder, args: NodeArguments, call: (args: NodeArguments) => T): T {
    const pipelines = context.active().getValue(ADDING) as ReadonlyMap<BullmqFlow, Execution> | undefined;
    if (pipelines === undefined) return call(args);
    const { node } = args;
    const pipeline = pipelines.get(node);
    const around =
      pipeline === undefined
        ? withoutFlow(context.active())
        : withFlow(contextToHandOver(pipeline), pipeline).setValue(ADDING, pipelines);
    // BullMQ forgets the context of a job of a flow that has no options.
    const given = node.opts === undefined ? { ...args, node: { ...node, opts: {} } } : args;
    return context.with(around, () => whilePropagating(producer, () => call(given)));
  }

  #start(flow: BullmqFlow): Execution {
    const name = this.#lifecycle.nameOf(flow) ?? flow.name;
    return this.#lifecycle.start('pipeline', name, context.active(), {
      input: flow.data,
      target: flow.queueName,
    });
  }
}

/** The pipeline that ends with a flow's root job. */
export interface FlowEnd {
  readonly run: RemoteRun;
  readonly pipeline: string;
  readonly recordId: string;
  /** The context the pipeline began in. */
  readonly context: Context;
}

/** The pipeline that ends with the job this context came with; undefined where none does. */
export function flowEndOf(carried: Context): FlowEnd | undefined {
  const [recordId, parentRecordId] =
    propagation.getBaggage(carried)?.getEntry(ATTR_FLOW)?.value.split('.', 2) ?? [];
  const run = recordId === undefined ? undefined : remoteRunOf(carried);
  // A job that was added by the root job says it too, but not of itself.
  if (run?.pipeline === undefined || recordId === undefined || run.parentRecordId !== recordId)
    return undefined;
  const around = { ...run, parentRecordId: parentRecordId === '' ? undefined : parentRecordId };
  return { run, pipeline: run.pipeline, recordId, context: withRemoteRun(withoutFlow(carried), around) };
}

export function withoutFlow(from: Context): Context {
  const baggage = propagation.getBaggage(from);
  return baggage?.getEntry(ATTR_FLOW) === undefined
    ? from
    : propagation.setBaggage(from, baggage.removeEntry(ATTR_FLOW));
}

function withFlow(from: Context, pipeline: Execution): Context {
  const baggage = propagation.getBaggage(from) ?? propagation.createBaggage();
  const value = `${pipeline.recordId ?? ''}.${pipeline.parentRecordId ?? ''}`;
  return propagation.setBaggage(from, baggage.setEntry(ATTR_FLOW, { value }));
}
