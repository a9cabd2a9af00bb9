import { context } from '@opentelemetry/api';
import { ACTIVE_EXECUTION_KEY } from '../execution.ts';
import { Execution } from './execution-handle.ts';

/**
 * The execution whose code is running: the innermost one, whatever spans of other libraries lie in between.
 * Undefined outside of executions, and where no context manager is registered (the SDK registers one).
 */
export function currentExecution(): Execution | undefined {
  const active = context.active().getValue(ACTIVE_EXECUTION_KEY);
  return active instanceof Execution ? active : undefined;
}
