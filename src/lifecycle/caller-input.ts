import type { ExecutionOptions } from './execution-options.ts';
import { describeError } from './outcome.ts';
import { report } from './report.ts';

/** The name of an execution, as callers without types may give it. Never throws. */
export function nameFrom(name: unknown): string {
  if (typeof name === 'string') return name;
  try {
    return String(name);
  } catch {
    return 'unnamed';
  }
}

const IDENTITY_OPTIONS = ['runId', 'correlationId', 'tenant', 'attempt'] as const;

/**
 * The options, where those that say who an execution is can be used: a getter may throw, and a symbol or an object is no
 * id. Undefined, and reported, where they can not. Never throws.
 */
export function readableOptions(options: ExecutionOptions | undefined): ExecutionOptions | undefined {
  if (options === undefined || options === null) return undefined;
  try {
    const unusable = IDENTITY_OPTIONS.find((name) => !isPlain(options[name]));
    if (unusable === undefined) return options;
    report('warn', `the options of an execution are left out: ${unusable} is a ${typeof options[unusable]}`);
  } catch (error) {
    report('warn', `the options of an execution can not be read: ${describeError(error).message}`);
  }
  return undefined;
}

/** Anything else would be given to the SDK as it is, for every execution below. */
function isPlain(value: unknown): boolean {
  return value === null || !['symbol', 'object', 'function'].includes(typeof value);
}
