// A program in which LangGraph does what one scenario of the conformance kit asks; `begin` and `ship` are the processes of
// the one that takes two.
import { Command, END, interrupt, MemorySaver, START, StateGraph } from '@langchain/langgraph';
import { conformanceScenario } from 'runledger/testing';
import { fileSaver } from './file-saver.cjs';

const [, , part] = process.argv;
const id = part === 'begin' || part === 'ship' ? 'cross-process' : part;
const { name, work } = conformanceScenario(id);
const STATE = { channels: { done: { reducer: (before, more) => before.concat(more), default: () => [] } } };
const TWICE = { retryPolicy: { maxAttempts: 2, initialInterval: 1, jitter: false, logWarning: false } };
const THREAD = { configurable: { thread_id: 'shipment' } };

/** The units of the scenario as nodes, which are handed the signal of their run. */
const nodes = Object.entries(work)
  .filter(([, run]) => typeof run === 'function')
  .map(([unit, run]) => [unit, async (_, { signal }) => ({ done: [await run(signal)] })]);

const withNodes = (list, options) =>
  list.reduce((graph, [unit, node]) => graph.addNode(unit, node, options), new StateGraph(STATE));
const chained = (list, options) =>
  [START, ...list.map(([unit]) => unit)].reduce(
    (graph, unit, at) => graph.addEdge(unit, list[at]?.[0] ?? END),
    withNodes(list, options),
  );
const atOnce = (list) => list.reduce((graph, [unit]) => graph.addEdge(START, unit), withNodes(list));
const run = (graph, config) => graph.compile({ name }).invoke({ done: [] }, config);

/** Asks before it ships; the answer comes from another process. */
const shipment = () => {
  const [[unit, ship]] = nodes;
  const asking = (state, config) => {
    interrupt('ship it?');
    return ship(state, config);
  };
  return chained([[unit, asking]]).compile({ name, checkpointer: fileSaver(MemorySaver, 'conformance.bin') });
};

const RUNS = {
  success: () => run(chained(nodes)),
  inside: () => run(atOnce(nodes)),
  retry: () => run(chained(nodes, TWICE)),
  failure: () => run(chained(nodes)),
  exhausted: () => run(chained(nodes, TWICE)),
  // The run is over with the first failure; the other node is not.
  parallel: async () => {
    const ends = [];
    const watched = nodes.map(([unit, node]) => [
      unit,
      (...args) => {
        const end = node(...args);
        ends.push(end);
        return end;
      },
    ]);
    await run(atOnce(watched)).catch(() => {});
    await Promise.allSettled(ends);
  },
  cancel: async () => {
    const controller = new AbortController();
    const end = run(chained(nodes), { signal: controller.signal });
    await work.started;
    controller.abort();
    await end;
  },
  timeout: () => run(chained(nodes, { timeout: 100 })),
  nested: () => run(chained([['prepare', chained(nodes).compile()]])),
  begin: () => shipment().invoke({ done: [] }, THREAD),
  ship: () => shipment().invoke(new Command({ resume: 'yes' }), THREAD),
  crash: () => {
    void work.started.then(() => process.stdout.write(`started ${process.pid}\n`));
    return run(chained(nodes));
  },
};
await RUNS[part]().catch(() => {});
