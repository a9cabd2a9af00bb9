import { describeError } from './outcome.ts';
import { report } from './report.ts';

/** Runs our own work on what a caller gave, which may be hostile. What it throws is reported and goes no further. */
export function neverThrow(what: string, work: () => void): void {
  try {
    work();
  } catch (error) {
    report('warn', `${what} was ignored: ${describeError(error).message}`);
  }
}
