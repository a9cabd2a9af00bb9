import { neverThrow } from '../../lifecycle/never-throw.ts';
import { claimPrototype, type EngineAdapter, exportOf } from '../engine-adapter.ts';
import { followStorage } from './openai-agents-context.ts';
import { AgentRuns, type AgentTrace } from './openai-agents-runs.ts';
import type { AgentSpan } from './openai-agents-span.ts';
import { followStates, type StateClass } from './openai-agents-state.ts';

interface TracePrototype {
  start(this: AgentTrace): Promise<void>;
  end(this: AgentTrace): Promise<void>;
}

interface SpanPrototype {
  start(this: AgentSpan): void;
  end(this: AgentSpan): void;
}

/**
 * The OpenAI Agents SDK: a trace, which a run of an agent makes where there is none, is a pipeline; agents and their
 * turns are processes; tools, models, handoffs and guardrails are steps. `start` and `end` of its `Trace` and `Span` are
 * wrapped: its trace processors are told later than the code runs, and an application replaces them all with
 * `setTraceProcessors`. So are the methods of `RunState` by which a run is written down and read
 * again, by another process maybe.
 */
export const adapter: EngineAdapter = {
  name: 'openai-agents',
  recognises: (moduleExports) => prototypesOf(moduleExports) !== undefined,
  instrument(moduleExports, lifecycle) {
    const prototypes = prototypesOf(moduleExports);
    if (prototypes === undefined || !claimPrototype(prototypes.trace)) return;
    const { trace, span } = prototypes;
    // All copies share the storage, and so what is known of their traces.
    shared ??= { runs: new AgentRuns(lifecycle), scoped: new WeakSet() };
    const { runs, scoped } = shared;
    neverThrow('the storage of agents', () => followStorage(runs, scoped));
    neverThrow('the states of agents', () => {
      const { state } = prototypes;
      if (state !== undefined) followStates(state, runs);
    });
    const { start, end } = trace;
    trace.start = function () {
      neverThrow('a trace of agents', () => runs.startTrace(this, scoped.has(this)));
      return start.call(this);
    };
    trace.end = function () {
      neverThrow('a trace of agents', () => runs.endTrace(this));
      return end.call(this);
    };
    const { start: startSpan, end: endSpan } = span;
    span.start = function () {
      neverThrow('a span of agents', () => runs.startSpan(this));
      startSpan.call(this);
    };
    span.end = function () {
      neverThrow('a span of agents', () => runs.endSpan(this));
      endSpan.call(this);
    };
  },
};

let shared: { readonly runs: AgentRuns; readonly scoped: WeakSet<AgentTrace> } | undefined;

interface Prototypes {
  readonly trace: TracePrototype;
  readonly span: SpanPrototype;
  readonly state: StateClass | undefined;
}

function prototypesOf(moduleExports: unknown): Prototypes | undefined {
  const [Trace, Span, State] = ['Trace', 'Span', 'RunState'].map((name) => exportOf(moduleExports, name));
  const isAgents =
    typeof Trace === 'function' &&
    typeof Span === 'function' &&
    exportOf(moduleExports, 'Agent') !== undefined;
  if (!isAgents) return undefined;
  return {
    trace: Trace.prototype as TracePrototype,
    span: Span.prototype as SpanPrototype,
    state: typeof State === 'function' ? (State as unknown as StateClass) : undefined,
  };
}
