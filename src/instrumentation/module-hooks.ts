import * as module from 'node:module';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { describeError } from '../lifecycle/outcome.ts';
import { report } from '../lifecycle/report.ts';
import { type HookPackages, type ImportHooks, loadHookPackages } from './hook-packages.ts';

/**
 * Is told of a package that was loaded: its exports, and its folder where that is known. Returns the exports to exchange
 * by name, if any.
 */
export type OnPackage = (
  moduleExports: unknown,
  packageName: string,
  folder: string | undefined,
) => Readonly<Record<string, unknown>> | undefined;

/**
 * Sees packages load, by `import` and by `require`, from now on. An import hook of our own with a list of packages:
 * everything else loads as if there was none, and nobody else's list can shut ours out. Nothing it does throws into
 * an `import` or a `require`, and a module goes on as it came but for the exports it was told to exchange.
 */
export class ModuleHooks {
  readonly #packageNames: readonly string[];
  readonly #include: string[] = [];
  #problem: string | undefined;
  #probeUrl: string | undefined;
  #isProbeSeen = false;
  #tested: Promise<void> | undefined;

  /** Never throws: what can not be done is a problem, and the application runs on without it. */
  constructor(packageNames: readonly string[], onPackage: OnPackage) {
    this.#packageNames = packageNames;
    try {
      const packages = loadHookPackages();
      if (packages === undefined) this.#problem = '@opentelemetry/instrumentation is not installed';
      else this.#install(packages, guarded(onPackage));
    } catch (error) {
      this.#problem = `load hooks can not be installed: ${describeError(error).message}`;
      report('warn', `runledger: ${this.#problem}`);
    }
  }

  /** Why modules are not seen; undefined where they are. Never rejects. */
  async problem(): Promise<string | undefined> {
    await this.#test();
    return this.#problem;
  }

  #install({ ImportHook, RequireHook, importFolder, probe, createHook }: HookPackages, see: OnPackage): void {
    // An instance of its own: one that was imported before would be there already, in whoever's wrapping.
    this.#probeUrl = `${pathToFileURL(probe).href}?runledger=probe`;
    this.#include.push(...this.#packageNames, this.#probeUrl);
    new ImportHook([...this.#packageNames, probe], (moduleExports, name, folder) => {
      if (name === probe) this.#isProbeSeen = true;
      // What the import hook hands out is no frozen namespace: its exports can be set.
      else Object.assign(moduleExports as object, see(moduleExports, name, folder));
    });
    new RequireHook(this.#packageNames, (moduleExports, name, folder) => {
      const replacements = see(moduleExports, name, folder);
      return replacements === undefined ? moduleExports : exchanged(moduleExports as object, replacements);
    });
    if (createHook !== undefined) {
      this.#registerSynchronous(createHook);
      return;
    }
    if (isPreloadedByRequire()) {
      this.#problem = 'ES modules are not seen on this version of Node.js with -r; use --import';
      report('warn', `runledger: ${this.#problem}`);
      return;
    }
    // For versions of Node.js in which synchronous hooks fail: these run in the loader's thread.
    const url = pathToFileURL(join(importFolder, 'hook.mjs')).href;
    module.register(url, { data: { include: this.#include } });
    void this.#test();
  }

  /** The hooks are loaded when one of the packages is imported: a program that imports none pays nothing for them. */
  #registerSynchronous(createHook: (include: string[]) => ImportHooks): void {
    let hooks: ImportHooks | undefined;
    // Loading them resolves modules too, and another vendor's hooks may import the probe meanwhile.
    let isLoaded = false;
    module.registerHooks({
      resolve: (specifier, context, nextResolve) => {
        if (!isLoaded && this.#include.includes(specifier) && !context.conditions.includes('require')) {
          isLoaded = true;
          hooks = this.#load(createHook);
          void this.#test();
        }
        return hooks === undefined
          ? nextResolve(specifier, context)
          : hooks.resolveSync(specifier, context, nextResolve);
      },
      load: (url, context, nextLoad) =>
        hooks === undefined ? nextLoad(url, context) : hooks.loadSync(url, context, nextLoad),
    });
  }

  #load(createHook: (include: string[]) => ImportHooks): ImportHooks | undefined {
    try {
      return createHook(this.#include);
    } catch (error) {
      this.#problem = `load hooks can not be loaded: ${describeError(error).message}`;
      report('warn', `runledger: ${this.#problem}`);
      return undefined;
    }
  }

  /** Imports a module that is there in any case, to see whether the hook sees it. Once. */
  #test(): Promise<void> {
    this.#tested ??= this.#probe().catch((error: unknown) => {
      report('warn', `runledger: load hooks can not be tested: ${describeError(error).message}`);
    });
    return this.#tested;
  }

  async #probe(): Promise<void> {
    if (this.#problem !== undefined || this.#probeUrl === undefined) return;
    await import(this.#probeUrl);
    if (this.#isProbeSeen || this.#problem !== undefined) return;
    this.#problem = SWALLOWED;
    warnLoudly(`${this.#packageNames.join(', ')}: ${SWALLOWED}. ${SWALLOWED_FIX}`);
  }
}

/** An ES module that is required is a frozen namespace, so a copy of it is handed out. */
function exchanged(moduleExports: object, replacements: Readonly<Record<string, unknown>>): object {
  return process.getBuiltinModule('node:util').types.isModuleNamespaceObject(moduleExports)
    ? { ...moduleExports, ...replacements }
    : Object.assign(moduleExports, replacements);
}

const SWALLOWED =
  'ES modules are not seen, because another copy of import-in-the-middle was registered before and wraps them first';
const SWALLOWED_FIX =
  'Put --import runledger/register before every other --import and --experimental-loader.';

/** Registering the thread's hooks while `-r` modules load ends the process, so there they are left out. */
function isPreloadedByRequire(): boolean {
  const options = `${process.execArgv.join(' ')} ${process.env.NODE_OPTIONS ?? ''}`;
  return /(?:^|\s)(?:-r|--require)(?:[\s=]|$)/.test(options);
}

function guarded(onPackage: OnPackage): OnPackage {
  return (moduleExports, name, folder) => {
    try {
      return onPackage(moduleExports, name, folder);
    } catch (error) {
      report(
        'error',
        `runledger: ${name} was loaded and is not instrumented: ${describeError(error).message}`,
      );
      return undefined;
    }
  };
}

/** Said to the process too: without a logger nobody listens to `diag`, and what is missing would be missed silently. */
function warnLoudly(message: string): void {
  report('warn', `runledger: ${message}`);
  process.emitWarning(message, { type: 'RunledgerWarning', code: 'RUNLEDGER' });
}
