import { isInRange } from '../../version-range.ts';
import { type Check, fail, ok } from './check.ts';

/** The first version in which node:sqlite is whole and needs no flag. */
const SUPPORTED = '>=22.16.0';

/** Checks the version of Node.js. */
export function checkNode(version: string): Check {
  if (isInRange(version, SUPPORTED)) return ok('node', `Node.js ${version}`);
  return fail(
    'node',
    `Node.js ${version} is too old`,
    'Install Node.js 22.16 or newer: its node:sqlite is needed.',
  );
}
