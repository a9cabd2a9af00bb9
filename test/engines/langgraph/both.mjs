// A program that has LangGraph as a module, and by a library of its own as CommonJS; and hands both over again.
import { createRequire } from 'node:module';
import * as langgraph from '@langchain/langgraph';
import { instrument } from 'runledger';

const common = createRequire(import.meta.url)('@langchain/langgraph');
const builds = { module: langgraph, common };
const names = [];
for (const [name, engine] of Object.entries(builds)) {
  instrument(engine);
  const { StateGraph, START } = engine;
  const graph = new StateGraph({ channels: { done: null } })
    .addNode('work', () => ({ done: name }))
    .addEdge(START, 'work')
    .compile({ name });
  names.push((await graph.invoke({})).done);
}
process.stdout.write(`${names}\n`);
