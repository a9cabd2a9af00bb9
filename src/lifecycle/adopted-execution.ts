import { context, type Span } from '@opentelemetry/api';
import type { ExecutionKind } from '../execution.ts';
import { Execution } from './execution-handle.ts';
import type { ExecutionOptions } from './execution-options.ts';
import { neverThrow } from './never-throw.ts';

/**
 * Makes an execution of a span that another library started and is going to end: what we know goes onto that span,
 * and none is added. Called where the span is active. The caller ends the execution before the library ends the span;
 * outcome, error and status are then on it, and its end stays the library's. Never throws.
 *
 * A span that is not recorded can carry nothing, so the execution then has a span of its own below it.
 */
export function adoptSpan(
  span: Span,
  kind: ExecutionKind,
  name: string,
  options?: ExecutionOptions,
): Execution {
  return new Execution(kind, name, options, context.active(), false, { adopted: span });
}

/** Calls `settle` right before the span's library ends it: the last moment at which an adopted span takes anything. */
export function beforeEnd(span: Span, settle: () => void): void {
  const { end } = span;
  span.end = (...args) => {
    span.end = end;
    neverThrow('the end of an adopted span', settle);
    end.apply(span, args);
  };
}
