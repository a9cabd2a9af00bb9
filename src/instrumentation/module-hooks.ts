import * as module from 'node:module';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { diag } from '@opentelemetry/api';
import { describeError } from '../lifecycle/outcome.ts';
import { loadHookPackages } from './hook-packages.ts';

/** How ES modules are seen: in the thread that imports them, or through a thread of the loader's own. */
export type LoaderKind = 'synchronous' | 'asynchronous';

/** What became of the hooks. */
export interface ModuleHooks {
  /** Undefined where there are none. */
  readonly loader: LoaderKind | undefined;
  /** Why modules are not seen; undefined where they are. */
  readonly problem: string | undefined;
}

/** Is told of a package that was loaded: its exports, and its folder where that is known. */
export type OnPackage = (moduleExports: unknown, packageName: string, folder: string | undefined) => void;

/**
 * Sees packages load, by `import` and by `require`, from now on. An import hook of our own with a list of packages:
 * everything else loads as if there was none, and nobody else's list can shut ours out. Nothing it does throws into
 * an `import` or a `require`, and nothing is exchanged: a module goes on as it came.
 */
export function hookModules(packageNames: readonly string[], onPackage: OnPackage): ModuleHooks {
  try {
    const packages = loadHookPackages();
    if (packages === undefined) {
      return { loader: undefined, problem: '@opentelemetry/instrumentation is not installed' };
    }
    const { ImportHook, RequireHook, importFolder, importMain, createHook } = packages;
    const hooks: { loader: LoaderKind; problem: string | undefined } = {
      loader: createHook === undefined ? 'asynchronous' : 'synchronous',
      problem: undefined,
    };
    const include = [...packageNames, pathToFileURL(importMain).href];
    if (createHook === undefined) registerAsynchronous(importFolder, include);
    else {
      const own = createHook({ url: pathToFileURL(join(importFolder, 'register-hooks.mjs')).href });
      own.applyOptions({ include });
      module.registerHooks({ resolve: own.resolveSync, load: own.loadSync });
    }
    let isSeen = false;
    const see = guarded(onPackage);
    new ImportHook([...packageNames, importMain], (moduleExports, name, folder) => {
      if (name === importMain) isSeen = true;
      else see(moduleExports, name, folder);
    });
    new RequireHook(packageNames, (moduleExports, name, folder) => {
      see(moduleExports, name, folder);
      return moduleExports;
    });
    // A module that is there in any case, imported to see whether the hook sees it.
    import(pathToFileURL(importMain).href).then(
      () => {
        if (isSeen) return;
        hooks.problem = SWALLOWED;
        warnLoudly(`${packageNames.join(', ')}: ${SWALLOWED}. ${SWALLOWED_FIX}`);
      },
      (error: unknown) => diag.warn(`runledger: load hooks: ${describeError(error).message}`),
    );
    return hooks;
  } catch (error) {
    const problem = `load hooks can not be installed: ${describeError(error).message}`;
    diag.warn(`runledger: ${problem}`);
    return { loader: undefined, problem };
  }
}

const SWALLOWED =
  'ES modules are not seen, because another copy of import-in-the-middle was registered before and wraps them first';
const SWALLOWED_FIX =
  'Put --import runledger/register before every other --import and --experimental-loader.';

/** For versions of Node.js in which synchronous hooks fail: the hook runs in the loader's thread. */
function registerAsynchronous(folder: string, include: readonly string[]): void {
  module.register(pathToFileURL(join(folder, 'hook.mjs')).href, { data: { include } });
}

function guarded(onPackage: OnPackage): OnPackage {
  return (moduleExports, name, folder) => {
    try {
      onPackage(moduleExports, name, folder);
    } catch (error) {
      diag.error(`runledger: ${name} was loaded and is not instrumented: ${describeError(error).message}`);
    }
  };
}

/** Said to the process too: without a logger nobody listens to `diag`, and what is missing would be missed silently. */
function warnLoudly(message: string): void {
  diag.warn(`runledger: ${message}`);
  process.emitWarning(message, { type: 'RunledgerWarning', code: 'RUNLEDGER' });
}
