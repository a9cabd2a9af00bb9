import { context } from '@opentelemetry/api';
import { claimPrototype, type EngineAdapter, exportOf } from '../engine-adapter.ts';
import type { EngineLifecycle } from '../engine-lifecycle.ts';
import { FlowRuns, type NodeArguments, withoutFlow } from './bullmq-flows.ts';
import { JobExecutions } from './bullmq-jobs.ts';
import type { BullmqJob, BullmqJobOptions, BullmqWorker, TelemetryHolder } from './bullmq-shapes.ts';
import { contextForJobs, whilePropagating } from './bullmq-telemetry.ts';

interface WorkerPrototype {
  processJob(this: BullmqWorker, job: BullmqJob | undefined, ...rest: unknown[]): Promise<unknown>;
  callProcessJob(this: BullmqWorker, job: BullmqJob, ...rest: unknown[]): unknown;
  emit(this: BullmqWorker, event: string, ...rest: unknown[]): boolean;
}

interface BullmqQueue {
  readonly opts: TelemetryHolder;
}

interface QueuePrototype {
  add(this: BullmqQueue, name: string, data: unknown, opts?: BullmqJobOptions): Promise<unknown>;
  addBulk(this: BullmqQueue, jobs: unknown): Promise<unknown>;
}

interface FlowProducerPrototype {
  add(this: TelemetryHolder, flow: unknown, ...rest: unknown[]): Promise<unknown>;
  addBulk(this: TelemetryHolder, flows: unknown, ...rest: unknown[]): Promise<unknown>;
  addNode(this: TelemetryHolder, args: NodeArguments): unknown;
}

/**
 * BullMQ: a flow is a pipeline, which begins where it is added and ends where its root job does, and its jobs are
 * processes; a job on its own is a pipeline, or a process of the run whose code added it. Where a job comes from travels
 * in the job, through BullMQ's own telemetry interface. Methods of three prototypes are wrapped, which have these names
 * from 5.24 to 6; the datastore behind them, Redis or PostgreSQL, makes no difference.
 */
export const adapter: EngineAdapter = {
  name: 'bullmq',
  recognises: (moduleExports) =>
    prototypeOf(moduleExports, 'Worker', ['processJob', 'callProcessJob', 'emit']) !== undefined,
  instrument(moduleExports, lifecycle) {
    const worker = prototypeOf<WorkerPrototype>(moduleExports, 'Worker', [
      'processJob',
      'callProcessJob',
      'emit',
    ]);
    const queue = prototypeOf<QueuePrototype>(moduleExports, 'Queue', ['add', 'addBulk']);
    const flows = prototypeOf<FlowProducerPrototype>(moduleExports, 'FlowProducer', [
      'add',
      'addBulk',
      'addNode',
    ]);
    if (worker !== undefined && claimPrototype(worker)) instrumentWorker(worker, lifecycle);
    if (queue !== undefined && claimPrototype(queue)) instrumentQueue(queue, lifecycle);
    if (flows !== undefined && claimPrototype(flows)) instrumentFlows(flows, lifecycle);
  },
};

function instrumentWorker(prototype: WorkerPrototype, lifecycle: EngineLifecycle): void {
  const jobs = new JobExecutions(lifecycle);
  const { processJob, callProcessJob, emit } = prototype;
  prototype.processJob = function (this: BullmqWorker, ...args) {
    return jobs.take(args[0], () => processJob.apply(this, args));
  };
  prototype.callProcessJob = function (this: BullmqWorker, ...args) {
    return jobs.process(this, args[0], () => callProcessJob.apply(this, args));
  };
  prototype.emit = function (this: BullmqWorker, ...args) {
    jobs.told(this, args[0], args[1] as BullmqJob | undefined, args[2]);
    return emit.apply(this, args);
  };
}

function instrumentQueue(prototype: QueuePrototype, lifecycle: EngineLifecycle): void {
  const { add, addBulk } = prototype;
  prototype.add = function (this: BullmqQueue, ...args) {
    // A schedule would hand what is active now to every job it ever makes.
    if (args[2]?.repeat !== undefined || args[2]?.telemetry?.metadata !== undefined)
      return add.apply(this, args);
    return inContext(lifecycle, this.opts, () => add.apply(this, args));
  };
  prototype.addBulk = function (this: BullmqQueue, ...args) {
    return inContext(lifecycle, this.opts, () => addBulk.apply(this, args));
  };
}

function instrumentFlows(prototype: FlowProducerPrototype, lifecycle: EngineLifecycle): void {
  const runs = new FlowRuns(lifecycle);
  const { add, addBulk, addNode } = prototype;
  prototype.add = function (this: TelemetryHolder, ...args) {
    return runs.add([args[0]], () => add.apply(this, args));
  };
  prototype.addBulk = function (this: TelemetryHolder, ...args) {
    return runs.add(args[0], () => addBulk.apply(this, args));
  };
  prototype.addNode = function (this: TelemetryHolder, ...args) {
    return runs.addNode(this, args[0], (given) => addNode.call(this, given));
  };
}

/** Adds jobs so that they know of the execution whose code adds them, or at least of the active span. */
function inContext<T>(lifecycle: EngineLifecycle, holder: TelemetryHolder, call: () => T): T {
  const from = lifecycle.isOn ? contextForJobs() : undefined;
  if (from === undefined) return call();
  return context.with(withoutFlow(from), () => whilePropagating(holder, call));
}

/** The prototype of an exported class; undefined where it lacks a method that is needed. */
function prototypeOf<Prototype extends object>(
  moduleExports: unknown,
  className: string,
  methods: readonly (keyof Prototype & string)[],
): Prototype | undefined {
  const exported = exportOf(moduleExports, className);
  const prototype = typeof exported === 'function' ? (exported.prototype as Prototype) : undefined;
  return methods.every((method) => typeof prototype?.[method] === 'function') ? prototype : undefined;
}
