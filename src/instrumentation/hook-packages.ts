import { existsSync } from 'node:fs';
import { createRequire, type LoadHookSync, type ResolveHookSync } from 'node:module';
import { dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { requireFromSdkNode, resolveFromApplication } from './sdk-packages.ts';

/** Called with a module when it is loaded; `folder` is its package's. What it returns takes the module's place. */
export type OnModule = (moduleExports: unknown, name: string, folder: string | undefined) => unknown;

/** `Hook` of import-in-the-middle and of require-in-the-middle: its existence is the hook. */
export type HookClass = new (modules: readonly string[], onModule: OnModule) => object;

/** The synchronous hooks one instance of import-in-the-middle has. */
export interface ImportHooks {
  applyOptions(options: { readonly include: string[] }): void;
  readonly resolveSync: ResolveHookSync;
  readonly loadSync: LoadHookSync;
}

interface CreateHookModule {
  readonly createHook: (meta: { readonly url: string }) => ImportHooks;
}

interface SyncHooksModule {
  readonly supportsSyncHooks: () => boolean;
}

/**
 * The packages that see modules load, in the copies `@opentelemetry/instrumentation` uses: another vendor's
 * instrumentations then share them, and a module is wrapped once.
 */
export interface HookPackages {
  readonly ImportHook: HookClass;
  readonly RequireHook: HookClass;
  /** Where import-in-the-middle is. */
  readonly importFolder: string;
  /** A small module of it, to see whether the hook sees what is imported; of the kind that costs least to look at. */
  readonly probe: string;
  /**
   * Loads the synchronous hooks, with a parser, in 7 ms. Undefined where this import-in-the-middle has none, or this
   * Node.js can not run them.
   */
  readonly createHook: ((include: string[]) => ImportHooks) | undefined;
}

/** Finds and loads them. Undefined where `@opentelemetry/instrumentation`, which sdk-node brings, is not there. */
export function loadHookPackages(): HookPackages | undefined {
  const location = resolveInstrumentation();
  if (location === undefined) return undefined;
  const require = createRequire(location);
  const importMain = require.resolve('import-in-the-middle');
  const importFolder = dirname(importMain);
  const supports = join(importFolder, 'supports-sync-hooks.mjs');
  return {
    ImportHook: hookIn(require(importMain)),
    RequireHook: hookIn(require('require-in-the-middle')),
    importFolder,
    probe: existsSync(supports) ? supports : importMain,
    createHook: existsSync(supports) ? synchronousHooks(require, importFolder, supports) : undefined,
  };
}

function resolveInstrumentation(): string | undefined {
  const name = '@opentelemetry/instrumentation';
  try {
    const fromSdk = requireFromSdkNode()?.resolve(name);
    if (fromSdk !== undefined) return fromSdk;
  } catch {
    // The application may have it without sdk-node.
  }
  return resolveFromApplication(name);
}

/** These are ES modules, which Node.js requires from the versions on in which the hooks work. */
function synchronousHooks(
  require: NodeJS.Require,
  folder: string,
  supports: string,
): HookPackages['createHook'] {
  if (!(require(supports) as SyncHooksModule).supportsSyncHooks()) return undefined;
  return (include) => {
    const { createHook } = require(join(folder, 'create-hook.mjs')) as CreateHookModule;
    const hooks = createHook({ url: pathToFileURL(join(folder, 'register-hooks.mjs')).href });
    hooks.applyOptions({ include });
    return hooks;
  };
}

function hookIn(module: unknown): HookClass {
  const { Hook } = module as { readonly Hook?: HookClass };
  return Hook ?? (module as HookClass);
}
