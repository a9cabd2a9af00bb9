import { existsSync, readFileSync, realpathSync } from 'node:fs';
import { dirname, join } from 'node:path';

/** A package as Node.js finds it. */
export interface InstalledPackage {
  readonly name: string;
  readonly version: string;
  /** Its real folder: two of them are two copies, whatever the links that lead there. */
  readonly folder: string;
}

/**
 * The package code in `folder` gets when it imports `name`: the nearest `node_modules` up the tree, as Node.js itself
 * looks for it. Undefined where there is none.
 */
export function findPackage(name: string, folder: string): InstalledPackage | undefined {
  for (let at = folder; ; at = dirname(at)) {
    const manifest = join(at, 'node_modules', name, 'package.json');
    if (existsSync(manifest)) return readPackage(name, manifest);
    if (dirname(at) === at) return undefined;
  }
}

/**
 * The package wherever something in the program's tree may have it: as {@link findPackage}, and where pnpm keeps what
 * only other packages depend on. Undefined where there is none.
 */
export function findInstalled(name: string, folder: string): InstalledPackage | undefined {
  return findPackage(name, folder) ?? findPackage(join('.pnpm', 'node_modules', name), folder);
}

/** A package's manifest, as far as it is read. */
export interface PackageManifest {
  readonly version?: string;
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly peerDependencies?: Readonly<Record<string, string>>;
}

export function readManifest(path: string): PackageManifest {
  return JSON.parse(readFileSync(path, 'utf8'));
}

function readPackage(name: string, manifest: string): InstalledPackage {
  const version = readManifest(manifest).version ?? '0.0.0';
  return { name, version, folder: realpathSync(dirname(manifest)) };
}
