import { context, ROOT_CONTEXT } from '@opentelemetry/api';
import { neverThrow } from '../../lifecycle/never-throw.ts';
import { claimPrototype, type EngineAdapter, exportOf } from '../engine-adapter.ts';
import type { EngineLifecycle } from '../engine-lifecycle.ts';
import { type FlowJob, StartedFlow } from './pg-boss-flows.ts';
import { type PgBossHandler, PgBossHandlers } from './pg-boss-handlers.ts';
import { propagatingRuns } from './pg-boss-propagation.ts';

type PgBossClass = new (options?: unknown) => object;

interface PgBossPrototype {
  work(this: object, name: string, ...rest: unknown[]): Promise<string>;
  /** Newer than the oldest. */
  flow?(this: object, jobs: unknown, ...rest: unknown[]): Promise<unknown>;
}

/**
 * pg-boss: a handler's call is a pipeline, on the engine's own `process` span where there is one, and the jobs of a batch
 * are its steps; a flow is a pipeline, and its jobs are processes. `work` and `flow` are wrapped. The class is exchanged for one that differs in an option alone: jobs sent in a run
 * carry it in the column the engine has for that, which other code does not see.
 */
export const adapter: EngineAdapter = {
  name: 'pg-boss',
  recognises: (moduleExports) => prototypeOf(moduleExports) !== undefined,
  instrument(moduleExports, lifecycle) {
    const prototype = prototypeOf(moduleExports);
    if (prototype === undefined) return undefined;
    const PgBoss = exportOf(moduleExports, 'PgBoss') as PgBossClass;
    if (claimPrototype(prototype)) {
      wrapWork(prototype, lifecycle);
      wrapFlow(prototype, lifecycle);
      const propagating: PgBossClass = new Proxy(PgBoss, {
        construct: (target, [options, ...rest], newTarget): object =>
          Reflect.construct(
            target,
            [propagatingRuns(options, lifecycle), ...rest],
            newTarget === propagating ? target : newTarget,
          ),
      });
      replacements.set(PgBoss, propagating);
    }
    const replacement = replacements.get(PgBoss);
    return replacement === undefined ? undefined : { PgBoss: replacement };
  },
};

/** What takes the place of each copy of the class. */
const replacements = new WeakMap<PgBossClass, PgBossClass>();

function wrapWork(prototype: PgBossPrototype, lifecycle: EngineLifecycle): void {
  const handlers = new PgBossHandlers(lifecycle);
  const { work } = prototype;
  prototype.work = function (name, ...rest) {
    const index = rest.findIndex((each) => typeof each === 'function');
    if (index === -1 || !lifecycle.isOn) return work.call(this, name, ...rest);
    const settings = index === 0 ? undefined : rest[0];
    const wrapped = rest.with(index, handlers.wrap(name, settings, rest[index] as PgBossHandler));
    // Jobs are no part of what happened to start the worker: where the engine says nothing else, they begin outside.
    return context.with(ROOT_CONTEXT, () => work.call(this, name, ...wrapped));
  };
}

function wrapFlow(prototype: PgBossPrototype, lifecycle: EngineLifecycle): void {
  const { flow } = prototype;
  if (flow === undefined) return;
  prototype.flow = function (jobs, ...rest) {
    let started: StartedFlow | undefined;
    if (Array.isArray(jobs) && lifecycle.isOn) {
      neverThrow('a flow of pg-boss', () => {
        started = new StartedFlow(jobs as readonly FlowJob[], lifecycle);
      });
    }
    const send = (toSend: unknown) => flow.call(this, toSend, ...rest);
    return started === undefined ? send(jobs) : started.send(send);
  };
}

/** Before 12 methods were made by the constructor: there is none on the prototype. */
function prototypeOf(moduleExports: unknown): PgBossPrototype | undefined {
  const PgBoss = exportOf(moduleExports, 'PgBoss');
  const prototype = typeof PgBoss === 'function' ? (PgBoss.prototype as Partial<PgBossPrototype>) : undefined;
  return typeof prototype?.work === 'function' ? (prototype as PgBossPrototype) : undefined;
}
