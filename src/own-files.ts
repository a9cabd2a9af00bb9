// Places in this package, from `src` as from `dist`. The build keeps whatever holds this module directly below `dist`.

/** Where this package is: the folder of its `package.json`. */
export const PACKAGE_URL = new URL('..', import.meta.url);

const EXTENSION = import.meta.url.endsWith('.ts') ? '.ts' : '.js';

/** Where a module is that is run by its URL; named by its path below `src`, without extension. */
export function moduleUrl(path: string): URL {
  return new URL(`./${path}${EXTENSION}`, import.meta.url);
}
