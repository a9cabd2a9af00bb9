import type { EngineName } from '../engines.ts';
import type { EngineLifecycle } from './engine-lifecycle.ts';

/**
 * What knows one engine: it turns what the engine does into executions. One file an engine, below `engines`, that exports
 * it as `adapter`. What an
 * adapter adds to the engine must never throw into it, and must give the engine back everything as it was: values,
 * promises, errors.
 */
export interface EngineAdapter {
  /** As in `ENGINES`. */
  readonly name: EngineName;
  /** Whether these are the exports of the engine, whichever build of it, and whichever way it was loaded. */
  recognises(moduleExports: unknown): boolean;
  /** The exports of the engine, found from those of another of its entry points; `folder` is the package's. */
  exportsFrom?(entryPoint: unknown, folder: string): unknown;
  /**
   * Instruments one copy of the engine, once however often it is called: an engine is seen by both load hooks where
   * it is imported and required. Changes prototypes, never the exports: a module namespace is frozen. Where that is
   * not enough it returns what takes the place of exports, by name; the same at every call, and only the load hooks can
   * put it there.
   */
  instrument(moduleExports: unknown, lifecycle: EngineLifecycle): Replacements | undefined;
}

/** Exports of an engine that are exchanged, by name. */
export type Replacements = Readonly<Record<string, unknown>>;

const INSTRUMENTED = Symbol.for('runledger.instrumented');

/** Marks a prototype, for every copy of this package in the process. False where it has the mark already. */
export function claimPrototype(prototype: object): boolean {
  if (Object.hasOwn(prototype, INSTRUMENTED)) return false;
  Object.defineProperty(prototype, INSTRUMENTED, { value: true });
  return true;
}

/** A named export, of a module or of what a CommonJS module is imported as. */
export function exportOf(moduleExports: unknown, name: string): unknown {
  const exports = moduleExports as Readonly<Record<string, unknown>> | null | undefined;
  return exports?.[name] ?? (exports?.default as Readonly<Record<string, unknown>> | undefined)?.[name];
}
