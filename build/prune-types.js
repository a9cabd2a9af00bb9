// Removes the declarations of modules that no entry of the package shows: `tsc` writes one for each module there is.
import { existsSync, globSync, readFileSync, rmSync } from 'node:fs';
import { dirname, resolve } from 'node:path';

const ENTRIES = ['index', 'register', 'sql', 'testing'];
const dist = resolve(import.meta.dirname, '..', 'dist');

/** @param {string} file @param {Set<string>} shown */
function follow(file, shown) {
  if (shown.has(file) || !existsSync(file)) return;
  shown.add(file);
  for (const [, specifier = ''] of readFileSync(file, 'utf8').matchAll(
    /["'](\.{1,2}\/[^"']+)\.(?:ts|js)["']/g,
  )) {
    follow(resolve(dirname(file), `${specifier}.d.ts`), shown);
  }
}

/** @type {Set<string>} */
const shown = new Set();
for (const entry of ENTRIES) follow(resolve(dist, `${entry}.d.ts`), shown);
for (const file of globSync('**/*.d.ts', { cwd: dist })) {
  if (!shown.has(resolve(dist, file))) rmSync(resolve(dist, file));
}
