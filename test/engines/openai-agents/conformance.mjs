// A program in which agents do what one scenario of the conformance kit asks; `begin` and `ship` are the processes of the one
// that takes two. Its units are tools, which a model asks for in one turn after the other, or in one turn.
import * as agents from '@openai/agents-core';
import { conformanceScenario } from 'runledger/testing';
import { modelOf } from './model.cjs';

const { Agent, Runner, RunState, tool, Usage, withGenerationSpan } = agents;
const [, , part, written] = process.argv;
const id = part === 'begin' || part === 'ship' ? 'cross-process' : part;
const { name, work } = conformanceScenario(id);
agents.setDefaultModelProvider({ getModel: () => Promise.reject(new Error('no model')) });

const NO_PARAMETERS = {
  description: 'Does a part of the work.',
  parameters: { type: 'object', properties: {}, required: [], additionalProperties: false },
  strict: true,
};
const model = modelOf(agents);
const asks = (...names) =>
  names.map((each) => ({
    type: 'function_call',
    callId: each,
    name: each,
    status: 'completed',
    arguments: '{}',
  }));
const SAYS = [
  {
    type: 'message',
    role: 'assistant',
    status: 'completed',
    content: [{ type: 'output_text', text: 'done' }],
  },
];

/** The units of the scenario as tools whose failure fails the run. */
const toolsWith = (options) =>
  Object.entries(work)
    .filter(([, run]) => typeof run === 'function')
    .map(([unit, run]) =>
      tool({
        ...NO_PARAMETERS,
        name: unit,
        errorFunction: null,
        execute: async (_, __, details) => {
          await run(details?.signal);
          return 'done';
        },
        ...options,
      }),
    );
const agentOf = (tools, turns) =>
  new Agent({ name: id === 'nested' ? 'prepare' : 'agent', tools, model: model(turns) });
const start = (agent, input = 'go', options = {}) =>
  new Runner({ workflowName: name }).run(agent, input, options);

const oneByOne = (options, more) => {
  const tools = toolsWith(more);
  return start(agentOf(tools, [...tools.map((each) => asks(each.name)), SAYS]), 'go', options);
};
const atOnce = () => {
  const tools = toolsWith();
  return start(agentOf(tools, [asks(...tools.map((each) => each.name)), SAYS]));
};
/** Ships when somebody has approved of it. */
const shipping = (turns) => agentOf(toolsWith({ needsApproval: true }), turns);

/** The SDK tries again what a policy says may be tried again: the call of a model. */
const twice = () => {
  const [[unit, run]] = Object.entries(work);
  const getResponse = () =>
    withGenerationSpan(
      async () => {
        await run();
        return { usage: new Usage(), output: SAYS };
      },
      { data: { model: unit } },
    );
  const retry = { maxRetries: 1, policy: () => true, backoff: { initialDelayMs: 1, jitter: false } };
  return start(new Agent({ name: 'agent', model: { getResponse }, modelSettings: { retry } }));
};

const RUNS = {
  success: () => oneByOne(),
  inside: atOnce,
  retry: twice,
  failure: () => oneByOne(),
  exhausted: twice,
  parallel: atOnce,
  cancel: async () => {
    const controller = new AbortController();
    const end = oneByOne({ signal: controller.signal });
    await work.started;
    controller.abort();
    await end;
  },
  timeout: () => oneByOne({}, { timeoutMs: 100, timeoutBehavior: 'raise_exception' }),
  // A guardrail does not let the input of the run in.
  reject: () => {
    const execute = async () => ({ outputInfo: 'too many', tripwireTriggered: true });
    const inputGuardrails = [{ name: 'sync', runInParallel: false, execute }];
    return start(new Agent({ name: 'agent', model: model([SAYS]), inputGuardrails }));
  },
  nested: () => oneByOne(),
  begin: async () => {
    // The SDK's own processor prints, and what is printed is handed to the other process.
    agents.setTraceProcessors([]);
    const { state } = await start(shipping([asks('ship')]));
    process.stdout.write(state.toString());
  },
  ship: async () => {
    const agent = shipping([SAYS]);
    const state = await RunState.fromString(agent, written);
    for (const interruption of state.getInterruptions()) state.approve(interruption);
    await start(agent, state);
  },
  crash: () => {
    void work.started.then(() => process.stdout.write(`started ${process.pid}\n`));
    return oneByOne();
  },
};
await RUNS[part]().catch(() => {});
