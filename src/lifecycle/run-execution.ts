import { context } from '@opentelemetry/api';
import type { Execution } from './execution-handle.ts';

/**
 * Runs `fn` as an execution, in its context, and ends the execution when `fn` does: at once, or when the promise it
 * returned settles. What `fn` returns or throws passes through unchanged, the error object and its stack included.
 * A promise is answered by one that settles right after the execution ended; the original is handled, so a
 * rejection is reported as unhandled once or not at all, just as without us.
 */
export function runExecution<T>(execution: Execution, fn: (execution: Execution) => T): T {
  let result: T;
  try {
    result = context.with(execution.context, fn, undefined, execution);
  } catch (error) {
    execution.settleThrown(error);
    throw error;
  }
  const pending = thenableIn(result);
  if (pending === undefined) {
    execution.settleReturned();
    return result;
  }
  return pending.then(
    (value) => {
      execution.settleReturned();
      return value;
    },
    (error: unknown) => {
      execution.settleThrown(error);
      throw error;
    },
  ) as T;
}

/** The promise in a result, or undefined where the result is there already. A hostile `then` is no promise. */
function thenableIn(result: unknown): Promise<unknown> | undefined {
  if (result instanceof Promise) return result;
  if ((typeof result !== 'object' && typeof result !== 'function') || result === null) return undefined;
  try {
    return typeof (result as PromiseLike<unknown>).then === 'function'
      ? Promise.resolve(result as PromiseLike<unknown>)
      : undefined;
  } catch {
    return undefined;
  }
}
