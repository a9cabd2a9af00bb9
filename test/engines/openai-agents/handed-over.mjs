// A program that runs an agent until it asks for an approval, and prints its state; given a state it approves and goes on.
import * as agents from '@openai/agents-core';
import { modelOf } from './model.cjs';

const { Agent, Runner, RunState, setDefaultModelProvider, setTraceProcessors, tool } = agents;
const [, , turn, written] = process.argv;
const asks = [{ type: 'function_call', callId: turn, name: 'pay', status: 'completed', arguments: '{}' }];
const says = [
  {
    type: 'message',
    role: 'assistant',
    status: 'completed',
    content: [{ type: 'output_text', text: 'paid' }],
  },
];
const pay = tool({
  name: 'pay',
  description: 'Pays.',
  parameters: { type: 'object', properties: {}, required: [], additionalProperties: false },
  strict: true,
  needsApproval: true,
  execute: async () => 'paid',
});
const agent = new Agent({
  name: 'clerk',
  tools: [pay],
  model: modelOf(agents)([turn === '3' ? says : asks]),
});

setDefaultModelProvider({ getModel: () => Promise.reject(new Error('no model')) });
// What the application's own processors are told of the trace.
const told = [];
setTraceProcessors([
  {
    onTraceStart: async ({ metadata }) => void told.push(metadata),
    onTraceEnd: async () => {},
    onSpanStart: async () => {},
    onSpanEnd: async () => {},
    shutdown: async () => {},
    forceFlush: async () => {},
  },
]);
const approved = async () => {
  const state = await RunState.fromString(agent, written);
  for (const interruption of state.getInterruptions()) state.approve(interruption);
  return state;
};
const runner = new Runner({ workflowName: 'payment', traceMetadata: { customer: 'ada' } });
const { state, interruptions } = await runner.run(agent, written === undefined ? 'go' : await approved());
process.stdout.write(JSON.stringify({ told, asks: interruptions.length, state: state.toString() }));
