import { join } from 'node:path';
import { ENGINE_NAMES, ENGINES, type EngineInfo, type EngineName } from '../engines.ts';
import { findInstalled, type InstalledPackage, readManifest } from '../installed-packages.ts';
import { neverThrow } from '../lifecycle/never-throw.ts';
import { describeError } from '../lifecycle/outcome.ts';
import { report } from '../lifecycle/report.ts';
import { isInRange } from '../version-range.ts';
import type { Replacements } from './engine-adapter.ts';
import { adapterFor, adapterOf } from './engine-adapters.ts';
import { EngineLifecycle } from './engine-lifecycle.ts';
import type { EnginesOptions } from './engine-options.ts';
import { keepOn, noteInstrumented } from './engine-switches.ts';
import { ModuleHooks } from './module-hooks.ts';
import { applicationFolders } from './sdk-packages.ts';

/** What was done about an engine, for `runledger doctor`. */
export interface EngineHook {
  readonly name: EngineName;
  /** Whether it is instrumented when it is loaded. */
  readonly isHooked: boolean;
  /** Why it is not. */
  readonly reason?: string;
}

/** How the engines are seen that are. */
const hooked = new Map<EngineName, Pick<ModuleHooks, 'problem'>>();

/**
 * Has engines instrumented when they are loaded: those that are installed, and those that are named as enabled. Loads
 * nothing where there is none, and hooks each engine once in a process.
 */
export function hookEngines(engines: EnginesOptions): void {
  const wanted = ENGINES.filter((engine) => !hooked.has(engine.name) && isWanted(engine, engines));
  for (const engine of wanted.filter(({ publishes }) => publishes === true)) listenTo(engine);
  const missing = wanted.filter(({ publishes }) => publishes !== true);
  if (missing.length === 0) return;
  const names = missing.flatMap(modulesOf);
  const hooks = new ModuleHooks(names, (moduleExports, packageName, folder) => {
    const engine = missing.find((each) => modulesOf(each).includes(packageName));
    return engine === undefined ? undefined : instrumentLoaded(engine, moduleExports, folder);
  });
  for (const { name } of missing) hooked.set(name, hooks);
}

function listenTo({ name, packageName, versions }: EngineInfo): void {
  neverThrow(`listening to ${name}`, () => {
    adapterOf(name).instrument(undefined, new EngineLifecycle(name));
  });
  // An older one does not publish, and is left to the rules for its spans.
  if (installed(packageName).some(({ version }) => isInRange(version, versions))) noteInstrumented(name);
  hooked.set(name, { problem: async () => undefined });
}

/** What is done about each engine now. Never rejects. */
export function engineHooks(engines: EnginesOptions): Promise<readonly EngineHook[]> {
  return Promise.all(
    ENGINES.map(async ({ name }) => {
      const reason = await reasonOf(name, engines);
      return { name, isHooked: reason === undefined, ...(reason !== undefined && { reason }) };
    }),
  );
}

async function reasonOf(name: EngineName, engines: EnginesOptions): Promise<string | undefined> {
  if (engines[name]?.enabled === false) return 'it is switched off';
  const hooks = hooked.get(name);
  return hooks === undefined ? 'it was not found when the program started' : hooks.problem();
}

/**
 * Instruments an engine that no load hook can see: one that is bundled into the program, or was loaded before. Given
 * the engine's module, as `import * as` or `require` has it. Calling it again changes nothing. Throws a TypeError for
 * what is no engine; the version is the caller's to know.
 */
export function instrument(engineModule: object): void {
  const adapter = adapterFor(engineModule);
  if (adapter === undefined) {
    throw new TypeError(
      `runledger: instrument was given no engine it knows; known are ${ENGINE_NAMES.join(', ')}`,
    );
  }
  keepOn(adapter.name);
  adapter.instrument(engineModule, new EngineLifecycle(adapter.name));
  noteInstrumented(adapter.name);
}

function modulesOf({ packageName, entryPoints = [] }: EngineInfo): readonly string[] {
  return [packageName, ...entryPoints];
}

function isWanted({ name, packageName }: EngineInfo, engines: EnginesOptions): boolean {
  const enabled = engines[name]?.enabled;
  return enabled ?? installed(packageName).length > 0;
}

function installed(packageName: string): readonly InstalledPackage[] {
  return applicationFolders().flatMap((folder) => findInstalled(packageName, folder) ?? []);
}

/** A version nobody tried is left alone: better no record than a broken engine. */
function instrumentLoaded(
  engine: EngineInfo,
  moduleExports: unknown,
  folder: string | undefined,
): Replacements | undefined {
  const adapter = adapterOf(engine.name);
  const version = versionIn(folder);
  if (version === undefined || !isInRange(version, engine.versions)) {
    report(
      'info',
      `runledger: ${engine.packageName} ${version ?? 'of an unknown version'} is not instrumented: supported are ${engine.versions}`,
    );
    return undefined;
  }
  // The import hook also sees the module namespace a CommonJS build is wrapped in, which may lack what is needed.
  const engineExports =
    folder === undefined || adapter.recognises(moduleExports)
      ? moduleExports
      : adapter.exportsFrom?.(moduleExports, folder);
  if (!adapter.recognises(engineExports)) return undefined;
  const replacements = adapter.instrument(engineExports, new EngineLifecycle(engine.name));
  noteInstrumented(engine.name);
  return replacements;
}

function versionIn(folder: string | undefined): string | undefined {
  if (folder === undefined) return undefined;
  try {
    return readManifest(join(folder, 'package.json')).version;
  } catch (error) {
    report('debug', `runledger: no version in ${folder}: ${describeError(error).message}`);
    return undefined;
  }
}
