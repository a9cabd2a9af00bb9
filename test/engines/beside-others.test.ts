import { describeBesideOthers } from '../support/engine-beside-others.ts';

/** A run that succeeds in part and fails; each of its executions is told of once, or too often. */
const inPart = { programs: ['conformance.mjs'], scenarios: ['failure'] } as const;

describeBesideOthers({
  engine: 'listr2',
  ...inPart,
  wraps: ['Listr.prototype.run', 'Listr.prototype.runTask'],
});

describeBesideOthers({
  engine: 'medusa',
  package: '@medusajs/orchestration',
  ...inPart,
  wraps: ['TransactionOrchestrator.prototype.executeNext', 'LocalWorkflow.prototype.run'],
});

describeBesideOthers({
  engine: 'inngest',
  ...inPart,
  wraps: ['InngestCommHandler.prototype.createHandler', 'InngestCommHandler.prototype.handleAsyncRequest'],
  spans: { scope: 'inngest', program: 'conformance.mjs' },
});

describeBesideOthers({
  engine: 'langgraph',
  package: '@langchain/langgraph',
  ...inPart,
  wraps: [
    'CompiledStateGraph.prototype._streamIterator',
    'CompiledStateGraph.prototype._runLoop',
    'CompiledStateGraph.prototype.invoke',
  ],
  spans: { scope: '@arizeai/openinference-instrumentation-langchain', program: 'spans.mjs' },
});

describeBesideOthers({
  engine: 'ai-sdk',
  package: 'ai',
  ...inPart,
  wraps: ['channel ai:telemetry'],
  spans: { scope: 'gen_ai', program: 'spans.mjs' },
});

describeBesideOthers({
  engine: 'openai-agents',
  package: '@openai/agents-core',
  ...inPart,
  wraps: ['Trace.prototype.start', 'Span.prototype.start', 'Span.prototype.end', 'Runner.prototype.run'],
  alsoWraps: ['Trace.prototype.end', 'RunState.prototype.toJSON'],
  spans: { scope: '@arizeai/openinference-instrumentation-openai-agents', program: 'spans.mjs' },
  // In tests the SDK traces nothing.
  env: { NODE_ENV: 'production' },
});

describeBesideOthers({
  engine: 'node-cron',
  scenarios: ['invoked', 'failed'],
  wraps: ['createTask'],
  wrapsCallbacks: true,
});
