import type { RuleGroup } from '../span-rule.ts';

/** Inngest enters a function anew for each of its steps, with a span each time that says nothing of the run. */
export const inngest: RuleGroup = {
  name: 'inngest',
  rules: [{ scope: 'inngest', kind: 'ignore' }],
};

/** Traceloop's LangChain instrumentation makes every runnable a trace of its own, so nothing hangs together. */
export const traceloop: RuleGroup = {
  name: 'traceloop',
  rules: [{ scope: '@traceloop/instrumentation-langchain', kind: 'ignore' }],
};
