import { createRequire } from 'node:module';
import * as api from '@opentelemetry/api';
import { requireFromSdkNode, resolveFromApplication } from '../instrumentation/sdk-packages.ts';

/** One of the places where an SDK registers itself: what it registers, once; a second time is refused. */
interface GlobalSlot {
  disable(): void;
  [setter: string]: unknown;
}

type Signal = 'trace' | 'metrics' | 'context' | 'propagation' | 'logs';

const SETTERS: Readonly<Record<Signal, string>> = {
  trace: 'setGlobalTracerProvider',
  metrics: 'setGlobalMeterProvider',
  context: 'setGlobalContextManager',
  propagation: 'setGlobalPropagator',
  logs: 'setGlobalLoggerProvider',
};

/** Is told what the application's own SDK registered. */
export interface TakeoverListener {
  onTracerProvider(provider: api.TracerProvider): void;
  onMeterProvider(provider: api.MeterProvider): void;
}

/**
 * The application's own SDK comes before the one that was started for it: its registrations, refused by the API as
 * the second ones, replace ours instead, once for each signal. Without this, an application that sets up its own SDK
 * would lose its telemetry to ours.
 */
export function yieldGlobals(listener: TakeoverListener): void {
  const taken = new Set<Signal>();
  for (const [signal, slot] of slots()) {
    const setter = SETTERS[signal];
    const register = slot[setter];
    if (typeof register !== 'function') continue;
    slot[setter] = (instance: never): unknown => {
      if (taken.has(signal)) return register.call(slot, instance);
      taken.add(signal);
      slot.disable();
      const result = register.call(slot, instance);
      if (signal === 'trace') listener.onTracerProvider(instance);
      if (signal === 'metrics') listener.onMeterProvider(instance);
      return result;
    };
  }
}

/** Withdraws a logger provider that exports nowhere, so that it is not in the way of another. */
export function withdrawLoggerProvider(): void {
  for (const [signal, slot] of slots()) if (signal === 'logs') slot.disable();
}

/** Withdraws everything an SDK registered, so that another one can register. */
export function withdrawGlobals(): void {
  for (const [, slot] of slots()) slot.disable();
}

/** The tracer provider an SDK has registered in this process, or undefined where none has. */
export function registeredTracerProvider(): api.TracerProvider | undefined {
  const provider = api.trace.getTracerProvider() as api.TracerProvider & Partial<api.ProxyTracerProvider>;
  if (provider.getDelegate === undefined) return provider;
  return provider.getDelegateTracer?.('runledger') === undefined ? undefined : provider.getDelegate();
}

/**
 * Every copy of the API an SDK may register through: imported, required (a module of its own since API 1.10), and
 * the logs API, which is a package of its own on the 2.x line.
 */
function* slots(): Generator<[Signal, GlobalSlot]> {
  const modules = new Set<object>([api, ...requiredModules()]);
  const seen = new Set<unknown>();
  for (const module of modules) {
    for (const signal of Object.keys(SETTERS) as Signal[]) {
      const slot = (module as Record<string, unknown>)[signal];
      if (typeof slot !== 'object' || slot === null || seen.has(slot)) continue;
      seen.add(slot);
      yield [signal, slot as GlobalSlot];
    }
  }
}

function* requiredModules(): Generator<object> {
  const fromSdk = requireFromSdkNode();
  const location = resolveFromApplication('@opentelemetry/api');
  const loads = [
    () => location !== undefined && createRequire(location)(location),
    () => fromSdk?.('@opentelemetry/api'),
    () => fromSdk?.('@opentelemetry/api-logs'),
  ];
  for (const load of loads) {
    try {
      const module = load();
      if (typeof module === 'object' && module !== null) yield module;
    } catch {
      // Not part of this line.
    }
  }
}
