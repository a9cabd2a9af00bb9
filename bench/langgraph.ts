import { createRequire } from 'node:module';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { context, trace } from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import { TracerProvider } from '@opentelemetry/sdk-trace';
import { BatchRecordExporter, ExecutionSpanProcessor, instrument } from 'runledger';
import { installFixture } from '../test/support/fixture-project.ts';
import type { Sample, Suite } from './measure.ts';
import { DISCARDING } from './peers.ts';

const FIXTURE = fileURLToPath(new URL('../test/engines/langgraph/newest/', import.meta.url));
const NODES = 10;
/** Runs of nodes that wait so many milliseconds: nothing, as little as anything outside the process takes, a tenth of a model's answer. */
const RUNS = { 0: 2000, 1: 300, 10: 60 };

export const suite: Suite = {
  title: 'LangGraph, ten nodes a run',
  variants: {
    'empty nodes': () => measured(0, false),
    'empty nodes, instrumented': () => measured(0, true),
    'nodes of a millisecond': () => measured(1, false),
    'nodes of a millisecond, instrumented': () => measured(1, true),
    'nodes of ten milliseconds': () => measured(10, false),
    'nodes of ten milliseconds, instrumented': () => measured(10, true),
  },
  comparisons: [
    {
      what: 'a run of nodes of ten milliseconds, wall clock / the engine alone',
      figure: 'ms/run',
      of: 'nodes of ten milliseconds, instrumented',
      against: 'nodes of ten milliseconds',
      goal: { atMost: 1.05 },
    },
    {
      what: 'a run of nodes of a millisecond, wall clock / the engine alone',
      figure: 'ms/run',
      of: 'nodes of a millisecond, instrumented',
      against: 'nodes of a millisecond',
      goal: { atMost: 1.05 },
    },
    {
      what: 'a run of nodes that do nothing, main-thread CPU / the engine alone',
      figure: 'CPU ms/run',
      of: 'empty nodes, instrumented',
      against: 'empty nodes',
      goal: { atMost: 1.25 },
    },
  ],
};

interface Graph {
  addNode(name: string, node: () => Promise<object>): Graph;
  addEdge(from: string, to: string): Graph;
  compile(options: { readonly name: string }): { invoke(state: object): Promise<object> };
}

interface LangGraph {
  readonly StateGraph: new (state: object) => Graph;
  readonly START: string;
}

async function measured(millis: keyof typeof RUNS, isInstrumented: boolean): Promise<Sample> {
  await installFixture(FIXTURE);
  const engine = createRequire(FIXTURE)('@langchain/langgraph') as LangGraph;
  context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
  const spanProcessors = isInstrumented
    ? [new ExecutionSpanProcessor({ exporter: new BatchRecordExporter(DISCARDING) })]
    : [];
  trace.setGlobalTracerProvider(new TracerProvider({ spanProcessors }));
  if (isInstrumented) instrument(engine);
  const graph = graphOf(engine, millis === 0 ? async () => ({}) : () => delay(millis, {}));
  const runs = RUNS[millis];
  for (let run = 0; run < runs / 5; run++) await graph.invoke({});
  globalThis.gc?.();
  const [cpu, started] = [process.threadCpuUsage(), performance.now()];
  for (let run = 0; run < runs; run++) await graph.invoke({});
  const took = performance.now() - started;
  const { user, system } = process.threadCpuUsage(cpu);
  return { 'ms/run': took / runs, 'CPU ms/run': (user + system) / 1_000 / runs };
}

function graphOf({ StateGraph, START }: LangGraph, node: () => Promise<object>) {
  const graph = new StateGraph({ channels: { done: null } });
  let before = START;
  for (let at = 1; at <= NODES; at++) {
    graph.addNode(`node ${at}`, node).addEdge(before, `node ${at}`);
    before = `node ${at}`;
  }
  return graph.compile({ name: 'bench' });
}
