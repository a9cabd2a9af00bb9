import { createRequire } from 'node:module';
import { join } from 'node:path';
import { neverThrow } from '../../lifecycle/never-throw.ts';
import { claimPrototype, type EngineAdapter, exportOf } from '../engine-adapter.ts';
import { Invocation } from './langgraph-invocation.ts';
import type { CompiledGraph, GraphConfig, PregelLoop } from './langgraph-loop.ts';
import { GraphRuns } from './langgraph-runs.ts';

type Iterate = (this: CompiledGraph, input: unknown, config?: GraphConfig) => AsyncGenerator<unknown>;
type RunLoop = (this: CompiledGraph, params: { readonly loop: PregelLoop }) => Promise<unknown>;

interface PregelPrototype {
  _streamIterator: Iterate;
  _runLoop: RunLoop;
}

/**
 * LangGraph: a graph that is invoked is a pipeline, its nodes are steps, and a node that runs a graph of its own is a
 * process; the same for workflows and tasks of the functional API. Two methods of `Pregel` are wrapped:
 * `_streamIterator`, through which every invocation goes (it is LangChain's own extension point), and `_runLoop`, which
 * has the engine's loop. Everything else is covered on that loop, one execution's own object.
 */
export const adapter: EngineAdapter = {
  name: 'langgraph',
  recognises: (moduleExports) => pregelPrototypeOf(moduleExports) !== undefined,
  exportsFrom(entryPoint, folder) {
    // Loaded already, as what the entry point is made of; a program may have both builds.
    const build = isImported(entryPoint) ? 'index.js' : 'index.cjs';
    const path = join(folder, 'dist', 'pregel', build);
    return createRequire(path)(path);
  },
  instrument(moduleExports, lifecycle) {
    const prototype = pregelPrototypeOf(moduleExports);
    if (prototype === undefined || !claimPrototype(prototype)) return;
    const runs = new GraphRuns(lifecycle);
    const { _streamIterator, _runLoop } = prototype;
    prototype._streamIterator = function (input, config) {
      const results = _streamIterator.call(this, input, config);
      if (!lifecycle.isOn || isNested(config)) return results;
      let invocation: Invocation | undefined;
      neverThrow('an invocation of langgraph', () => {
        invocation = new Invocation(runs, { graph: this, input, config });
      });
      return invocation?.iterate(results) ?? results;
    };
    prototype._runLoop = function (params) {
      const work = () => _runLoop.call(this, params);
      const isLoop = typeof params?.loop?.tick === 'function';
      const invocation = isLoop && lifecycle.isOn ? Invocation.current : undefined;
      return invocation?.runLoop(this, params.loop, work) ?? work();
    };
  },
};

/** The import hook hands out proxies of namespaces. A CommonJS build may well call itself a module. */
function isImported(entryPoint: unknown): boolean {
  const { isModuleNamespaceObject, isProxy } = process.getBuiltinModule('node:util').types;
  return isProxy(entryPoint) || isModuleNamespaceObject(entryPoint);
}

/** Called by a node of a graph that runs: what the engine hands down to read the state with. */
function isNested(config: GraphConfig | undefined): boolean {
  return config?.configurable?.__pregel_read !== undefined;
}

/** `Pregel` is exported by a path of its own alone; every graph that is compiled is one. */
function pregelPrototypeOf(moduleExports: unknown): PregelPrototype | undefined {
  const Class = exportOf(moduleExports, 'Pregel') ?? exportOf(moduleExports, 'CompiledStateGraph');
  let prototype: unknown = typeof Class === 'function' ? Class.prototype : undefined;
  while (typeof prototype === 'object' && prototype !== null) {
    if (Object.hasOwn(prototype, '_streamIterator') && Object.hasOwn(prototype, '_runLoop'))
      return prototype as PregelPrototype;
    prototype = Object.getPrototypeOf(prototype);
  }
  return undefined;
}
