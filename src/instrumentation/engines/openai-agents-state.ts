import { type DetachedState, stateFromToken } from '../../lifecycle/detached-state.ts';
import { neverThrow } from '../../lifecycle/never-throw.ts';
import type { AgentRuns, AgentTrace } from './openai-agents-runs.ts';

/** What the state of a run that was written down holds of ours, in the metadata of its trace: the run's token. */
const TOKEN = 'runledger';

/** A trace, as it is written down with the state of its run, and as it is read again. */
export interface WrittenTrace {
  metadata?: Record<string, unknown> | undefined;
}

type ReadState = (...args: unknown[]) => Promise<{ readonly _trace?: (WrittenTrace & AgentTrace) | null }>;

/** The class of what a run is gone on with, also where it was written down. */
export interface StateClass {
  readonly prototype: {
    toJSON(...args: unknown[]): { readonly trace?: (WrittenTrace & { readonly id: string }) | null };
  };
  fromString?: ReadState;
  fromStringWithContext?: ReadState;
}

/** Has the states of runs that wait carry the run, and those that are read again say which run they are of. */
export function followStates(State: StateClass, runs: AgentRuns): void {
  const { prototype } = State;
  const { toJSON } = prototype;
  prototype.toJSON = function (...args) {
    const state = toJSON.apply(this, args);
    neverThrow('the state of a run of agents', () => {
      if (state.trace) runs.writeDown(state.trace);
    });
    return state;
  };
  for (const method of ['fromString', 'fromStringWithContext'] as const) {
    const read = State[method];
    if (read === undefined) continue;
    State[method] = async function (this: StateClass, ...args) {
      const state = await read.apply(this, args);
      neverThrow('the state of a run of agents', () => {
        if (state._trace) runs.read(state._trace);
      });
      return state;
    };
  }
}

/** Adds the token of a run that waits to its state: the process that takes it up goes on with the same run. */
export function putToken(trace: WrittenTrace, token: string): void {
  trace.metadata = { ...trace.metadata, [TOKEN]: token };
}

/** Takes the run a trace was written down with out of its metadata, which the SDK exports. */
export function takeToken(trace: WrittenTrace): DetachedState | undefined {
  const { metadata } = trace;
  if (metadata === undefined || !Object.hasOwn(metadata, TOKEN)) return undefined;
  const { [TOKEN]: token, ...rest } = metadata;
  trace.metadata = rest;
  return stateFromToken(token);
}
