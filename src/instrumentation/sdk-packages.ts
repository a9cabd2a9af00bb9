import { realpathSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** Loads a package, or throws. */
export interface Require {
  (name: string): unknown;
  resolve(name: string): string;
}

/** Where the application's packages are looked for: beside this one, in the current folder, beside the program. */
export function applicationFolders(): readonly string[] {
  const folders = [dirname(fileURLToPath(import.meta.url)), process.cwd()];
  const program = process.argv[1];
  if (program === undefined) return folders;
  folders.push(dirname(program));
  try {
    folders.push(dirname(realpathSync(program)));
  } catch {
    // It need not be a file.
  }
  return [...new Set(folders)];
}

/** Finds where a package of the application lives, or undefined where it is not installed. */
export function resolveFromApplication(name: string): string | undefined {
  for (const folder of applicationFolders()) {
    try {
      return createRequire(join(folder, 'program.js')).resolve(name);
    } catch {
      // Not visible from here: the next place may see it.
    }
  }
  return undefined;
}

/**
 * Loads packages as `@opentelemetry/sdk-node` sees them, so that what is built here comes from the very versions the
 * SDK itself would use. Undefined where sdk-node is not installed. Loads nothing by itself.
 */
export function requireFromSdkNode(): Require | undefined {
  const location = resolveFromApplication('@opentelemetry/sdk-node');
  return location === undefined ? undefined : createRequire(location);
}
