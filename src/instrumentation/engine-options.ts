import { ENGINE_NAMES, type EngineName } from '../engines.ts';
import type { CaptureInput } from '../lifecycle/lifecycle-settings.ts';

/** What may be said about one engine. */
export interface EngineOptions {
  /**
   * `false` leaves the engine alone; `true` instruments it even where its package is not found beside the program.
   * @default instrumented where it is installed
   */
  readonly enabled?: boolean | undefined;
  /** The same as the option of this name for everything. @default that one */
  readonly captureInput?: CaptureInput | undefined;
  /**
   * Names a run, given the engine's own object for it (listr2: the `Listr`). May throw without harm; undefined leaves
   * the name to the engine's adapter.
   */
  readonly name?: ((run: object) => string | undefined) | undefined;
}

/** The engines, by name. */
export type EnginesOptions = { readonly [Name in EngineName]?: EngineOptions | undefined };

/** One option, what it must be in words, and whether it is. */
type OptionRule = readonly [name: string, expected: string, holds: (value: unknown) => boolean];

const RULES: readonly OptionRule[] = [
  ['enabled', 'true or false', (value) => typeof value === 'boolean'],
  ['captureInput', "true, false or 'hash'", (value) => typeof value === 'boolean' || value === 'hash'],
  ['name', 'a function', (value) => typeof value === 'function'],
];

/** What is wrong with the options of engines, in words; undefined where nothing is. */
export function problemOfEngines(engines: unknown): string | undefined {
  if (typeof engines !== 'object' || engines === null) return 'engines must be an object';
  for (const [engine, options] of Object.entries(engines)) {
    if (!(ENGINE_NAMES as readonly string[]).includes(engine))
      return `unknown engine engines.${engine}; known are ${ENGINE_NAMES.join(', ')}`;
    if (options === undefined) continue;
    if (typeof options !== 'object' || options === null) return `engines.${engine} must be an object`;
    for (const [name, value] of Object.entries(options)) {
      const rule = RULES.find(([known]) => known === name);
      if (rule === undefined) {
        const known = RULES.map(([each]) => each).join(', ');
        return `unknown option engines.${engine}.${name}; known are ${known}`;
      }
      if (value !== undefined && !rule[2](value)) return `engines.${engine}.${name} must be ${rule[1]}`;
    }
  }
  return undefined;
}
