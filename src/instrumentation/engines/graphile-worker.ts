import { neverThrow } from '../../lifecycle/never-throw.ts';
import { VERSION } from '../../version.ts';
import { claimPrototype, type EngineAdapter, exportOf } from '../engine-adapter.ts';
import { EngineLifecycle } from '../engine-lifecycle.ts';
import { type GraphileEvents, subscribeJobs } from './graphile-worker-jobs.ts';

/** The part of the preset every worker extends that is read. */
interface GraphilePreset {
  plugins?: readonly object[] | undefined;
}

/** What a plugin is given when a worker is made. */
interface GraphileContext {
  readonly events: GraphileEvents;
}

/**
 * graphile-worker: each attempt at a job is a pipeline, each entry of a batch job a step. Nothing is wrapped: a plugin
 * is added to the preset that every worker extends, by the engine's own means, and listens to the worker's events.
 */
export const adapter: EngineAdapter = {
  name: 'graphile-worker',
  recognises: (moduleExports) => presetOf(moduleExports) !== undefined,
  instrument(moduleExports) {
    const preset = presetOf(moduleExports);
    if (preset !== undefined && claimPrototype(preset)) preset.plugins = [...(preset.plugins ?? []), PLUGIN];
    return undefined;
  },
};

/** Workers whose events are listened to; options that share an emitter make one. */
const followed = new WeakSet<object>();
const lifecycle = new EngineLifecycle('graphile-worker');

/** One for all copies of the engine: two plugins of one name would make it throw where their presets are combined. */
const PLUGIN = {
  name: 'RunledgerPlugin',
  version: VERSION,
  description: 'Records every job as an execution',
  worker: {
    middleware: {
      init<T>(next: () => T, event: { readonly ctx: GraphileContext }): T {
        follow(event.ctx);
        return next();
      },
    },
    // Before 0.17 there is no middleware; where both are called, the first one counts.
    hooks: { init: (context: GraphileContext): void => follow(context) },
  },
};

function follow({ events }: GraphileContext): void {
  neverThrow('a worker of graphile-worker', () => {
    if (followed.has(events)) return;
    followed.add(events);
    subscribeJobs(events, lifecycle);
  });
}

function presetOf(moduleExports: unknown): GraphilePreset | undefined {
  if (typeof exportOf(moduleExports, 'makeWorkerUtils') !== 'function') return undefined;
  const preset = exportOf(moduleExports, 'WorkerPreset');
  return typeof preset === 'object' && preset !== null ? (preset as GraphilePreset) : undefined;
}
