import type { AsyncLocalStorage } from 'node:async_hooks';
import { type Context, context } from '@opentelemetry/api';
import { neverThrow } from '../../lifecycle/never-throw.ts';
import type { AgentRuns, AgentTrace, TraceStore } from './openai-agents-runs.ts';

/** Where the SDK keeps the storage of its current trace and span, shared by all copies of it. */
const STORAGE = Symbol.for('openai.agents.core.asyncLocalStorage');

/** Marks a storage that is followed. */
const FOLLOWED = Symbol.for('runledger.instrumented');

type Run = (store: TraceStore, fn: (...args: unknown[]) => unknown, ...args: unknown[]) => unknown;

type Storage = AsyncLocalStorage<TraceStore> & { [FOLLOWED]?: true };

/**
 * Makes the execution of the SDK's current span the active one, wherever the SDK runs code beside a trace: spans,
 * logs and calls made in a tool belong to it. The SDK sets a span on its store after it began to run, so the context
 * asks the store at every look.
 */
export function followStorage(runs: AgentRuns, traces: WeakSet<AgentTrace>): void {
  const globals = globalThis as { [STORAGE]?: Storage };
  const { AsyncLocalStorage } = process.getBuiltinModule('node:async_hooks');
  if (globals[STORAGE] === undefined) {
    // As the SDK itself would define it with its first trace.
    const value = new AsyncLocalStorage<TraceStore>();
    Object.defineProperty(globals, STORAGE, { value, writable: true, configurable: true });
  }
  const storage = globals[STORAGE];
  if (storage === undefined || storage[FOLLOWED] === true) return;
  Object.defineProperty(storage, FOLLOWED, { value: true });
  const run = storage.run.bind(storage) as Run;
  const followed: Run = (store, fn, ...args) => {
    const { trace } = store ?? {};
    if (trace === undefined) return run(store, fn, ...args);
    const isOwn = !traces.has(trace);
    if (isOwn) traces.add(trace);
    const result = run(store, () =>
      context.with(new StoreContext(context.active(), store, runs), () => fn(...args)),
    );
    if (isOwn && result instanceof Promise) {
      const settle = (value: unknown, thrown?: { readonly error: unknown }) => {
        traces.delete(trace);
        neverThrow('the end of a trace of agents', () => runs.settleScope(trace, value, thrown));
      };
      result.then(
        (value) => settle(value),
        (error: unknown) => settle(undefined, { error }),
      );
    }
    return result;
  };
  Object.defineProperty(storage, 'run', { value: followed, writable: true, configurable: true });
}

/** The active context, as it is now: a parent must not change with the store. */
export function activeContext(): Context {
  return StoreContext.settled(context.active());
}

/** The context of the execution a store is in, whichever that is at the moment. */
class StoreContext implements Context {
  readonly #base: Context;
  readonly #store: TraceStore;
  readonly #runs: AgentRuns;

  constructor(base: Context, store: TraceStore, runs: AgentRuns) {
    this.#base = base;
    this.#store = store;
    this.#runs = runs;
  }

  getValue(key: symbol): unknown {
    return this.#current().getValue(key);
  }

  setValue(key: symbol, value: unknown): Context {
    return this.#current().setValue(key, value);
  }

  deleteValue(key: symbol): Context {
    return this.#current().deleteValue(key);
  }

  #current(): Context {
    return this.#runs.executionIn(this.#store)?.context ?? this.#base;
  }

  static settled(context: Context): Context {
    let settled = context;
    while (settled instanceof StoreContext) settled = settled.#current();
    return settled;
  }
}
