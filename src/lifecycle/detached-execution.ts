import { type Context, ROOT_CONTEXT, trace } from '@opentelemetry/api';
import { type DetachedState, stateFromToken } from './detached-state.ts';
import { Execution } from './execution-handle.ts';
import { report } from './report.ts';

/**
 * Goes on with an execution that `detach` let go of, in this process or another, today or another day. It is the
 * same execution: one record, whose `started_at` is that of the first stretch. Interrupts that were open still are,
 * and it runs on when the last of them is resumed; without one it runs at once. The caller ends it.
 *
 * A token that is none of ours starts a new run, reported through `diag`; this never throws. Attach a token once:
 * whoever attaches it again works on the same record, and the later end wins.
 */
export function attachPipeline(token: string): Execution {
  const state = stateFromToken(token);
  if (state !== undefined) return executionFromState(state, false);
  report('warn', 'attachPipeline got no token of detach(); a new run starts');
  return new Execution('pipeline', 'detached', undefined, ROOT_CONTEXT, false);
}

/** @internal Goes on with the execution a token tells of; `isOwned` as for any execution. */
export function executionFromState(state: DetachedState, isOwned: boolean): Execution {
  const parent: Context =
    state.spans.parent === undefined ? ROOT_CONTEXT : trace.setSpanContext(ROOT_CONTEXT, state.spans.parent);
  return new Execution(state.kind, state.name, { attempt: state.attempt }, parent, isOwned, {
    resumed: state,
  });
}
