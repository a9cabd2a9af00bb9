import { diag } from '@opentelemetry/api';

/** Says something on `diag`. Never throws: the logger is the application's, and may. */
export function report(
  level: 'error' | 'warn' | 'info' | 'debug',
  ...line: readonly [message: string, ...unknown[]]
): void {
  try {
    diag[level](...line);
  } catch {
    // Nobody is left to tell.
  }
}
