import { diag } from '@opentelemetry/api';

/** Logs a line on `diag`. Never throws: the logger is the application's, and may. */
export function logGuarded(level: 'warn' | 'info', message: () => string): void {
  try {
    diag[level](`runledger: ${message()}`);
  } catch {
    // Nobody is left to tell.
  }
}
