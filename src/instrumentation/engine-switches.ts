import type { EngineName } from '../engines.ts';
import type { EngineOptions, EnginesOptions } from './engine-options.ts';

/** Engines instrumented by hand: on, unless an instrumentation says otherwise. */
const byHand = new Set<EngineName>();
let current: { readonly owner: object; readonly engines: EnginesOptions } | undefined;

/** Switches engines on and off for the process. The instrumentation enabled last decides. */
export function switchEngines(owner: object, engines: EnginesOptions): void {
  current = { owner, engines };
}

/** Switches off what `owner` switched on. */
export function releaseEngines(owner: object): void {
  if (current?.owner === owner) current = undefined;
}

export function keepOn(engine: EngineName): void {
  byHand.add(engine);
}

/** What was said about an engine that is on; undefined where it is off. */
export function engineOptions(engine: EngineName): EngineOptions | undefined {
  const options = current?.engines[engine];
  if (options?.enabled === false) return undefined;
  return current !== undefined || byHand.has(engine) ? (options ?? NOTHING_SAID) : undefined;
}

/** Engines whose modules were instrumented, whether or not they are on. */
const instrumented = new Set<string>();

export function noteInstrumented(engine: EngineName): void {
  instrumented.add(engine);
}

/** Whether an engine makes executions by itself: its module was instrumented, and it is on. */
export function isInstrumented(engine: string): boolean {
  return instrumented.has(engine) && engineOptions(engine as EngineName) !== undefined;
}

const NOTHING_SAID: EngineOptions = {};
