import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import { ENGINE_NAMES, type EngineName } from '../engines.ts';
import { moduleUrl } from '../own-files.ts';
import type { EngineAdapter } from './engine-adapter.ts';

const require = createRequire(import.meta.url);

/**
 * The adapter of an engine, `engines/<name>`. It is loaded when it is asked for: an application pays for the engines it
 * has, and a program that requires one is not kept waiting for a promise.
 */
export function adapterOf(name: EngineName): EngineAdapter {
  const path = fileURLToPath(moduleUrl(`instrumentation/engines/${name}`));
  return (require(path) as { readonly adapter: EngineAdapter }).adapter;
}

/** The adapter that knows a module; undefined where it is no engine. Loads adapters until one does. */
export function adapterFor(engineModule: object): EngineAdapter | undefined {
  for (const name of ENGINE_NAMES) {
    const adapter = adapterOf(name);
    if (adapter.recognises(engineModule)) return adapter;
  }
  return undefined;
}
