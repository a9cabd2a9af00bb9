import { createRequire } from 'node:module';
import { join } from 'node:path';

/** Loads a package, or throws. */
export type Require = (name: string) => unknown;

/** Where the application's packages can be found from: beside this one, beside the program, in the current folder. */
function* applicationRequires(): Generator<NodeJS.Require> {
  yield createRequire(import.meta.url);
  if (process.argv[1] !== undefined) yield createRequire(join(process.argv[1], '..', 'program.js'));
  yield createRequire(join(process.cwd(), 'program.js'));
}

/** Finds where a package of the application lives, or undefined where it is not installed. */
export function resolveFromApplication(name: string): string | undefined {
  for (const require of applicationRequires()) {
    try {
      return require.resolve(name);
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
