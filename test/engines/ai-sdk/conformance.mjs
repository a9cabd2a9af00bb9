// A program in which the AI SDK does what one scenario of the conformance kit asks. Its units are the calls of models, and
// of the tools a model asks for. What a model does in a run of several steps is shared with a tool of its provider, whose
// result is still to come: that has the SDK call the model of the next step.
import { APICallError, generateText, isStepCount, jsonSchema, tool } from 'ai';
import { MockLanguageModelV4 } from 'ai/test';
import { conformanceScenario } from 'runledger/testing';

const { id, name, work } = conformanceScenario(process.argv[2]);
const units = Object.entries(work).filter(([, run]) => typeof run === 'function');

const NOTHING = { type: 'object', properties: {} };
const usage = { inputTokens: { total: 1 }, outputTokens: { total: 1 } };
const answer = (finishReason, ...content) => ({
  content,
  finishReason: { unified: finishReason, raw: finishReason },
  usage,
  warnings: [],
});
const SAYS = answer('stop', { type: 'text', text: 'done' });
const asks = (names, more) =>
  answer(
    'tool-calls',
    ...names.map((toolName) => ({ type: 'tool-call', toolCallId: toolName, toolName, input: '{}', ...more })),
  );
/** Asks for nothing the SDK would have to do, and has it go on. */
const GOES_ON = asks(['search'], { providerExecuted: true });
const search = tool({
  type: 'provider',
  id: 'provider.search',
  isProviderExecuted: true,
  supportsDeferredResults: true,
  args: {},
  inputSchema: jsonSchema(NOTHING),
});

const model = (modelId, run, result) =>
  new MockLanguageModelV4({
    modelId,
    doGenerate: async ({ abortSignal }) => {
      await run(abortSignal);
      return result;
    },
  });
const generate = (options) =>
  generateText({ prompt: 'go', maxRetries: 0, telemetry: { functionId: name }, ...options });

/** Each unit is the model of a step. */
const oneByOne = (options) => {
  const last = units.length - 1;
  const models = units.map(([unit, run], at) => model(unit, run, at === last ? SAYS : GOES_ON));
  return generate({
    model: models[0],
    tools: { search },
    stopWhen: isStepCount(models.length),
    prepareStep: ({ stepNumber }) => ({ model: models[stepNumber] }),
    ...options,
  });
};

/** The units are tools, which a model asks for at once. */
const asTools = (list, planner, options) => {
  const tools = list.map(([unit, run]) => [
    unit,
    tool({ description: unit, inputSchema: jsonSchema(NOTHING), execute: async () => run() }),
  ]);
  return generate({ model: planner, tools: Object.fromEntries(tools), stopWhen: isStepCount(1), ...options });
};
const planning = () => model('planner', () => {}, asks(units.map(([unit]) => unit)));

/** The SDK tries again what a provider says may be tried again, when it says so. */
const retriable = (run) => async () => {
  try {
    await run();
  } catch (cause) {
    const responseHeaders = { 'retry-after-ms': '1' };
    const options = { url: 'http://127.0.0.1/', requestBodyValues: {}, statusCode: 529, responseHeaders };
    throw new APICallError({ message: cause.message, cause, isRetryable: true, ...options });
  }
};
const twice = () => {
  const [[unit, run]] = units;
  return generate({ model: model(unit, retriable(run), SAYS), maxRetries: 1 });
};

const RUNS = {
  success: oneByOne,
  inside: () => asTools(units, planning()),
  retry: twice,
  failure: oneByOne,
  exhausted: twice,
  parallel: () => asTools(units, planning()),
  cancel: async () => {
    const controller = new AbortController();
    const end = oneByOne({ abortSignal: controller.signal });
    await work.started;
    controller.abort();
    await end;
  },
  timeout: () => oneByOne({ timeout: 100 }),
  reject: () =>
    asTools(units, planning(), { toolApproval: { sync: { type: 'denied', reason: 'too many' } } }),
  nested: () => {
    const [[download, run], ...others] = units;
    return asTools(others, model(download, run, asks(others.map(([unit]) => unit))));
  },
  crash: () => {
    void work.started.then(() => process.stdout.write(`started ${process.pid}\n`));
    return oneByOne();
  },
};
await RUNS[id]().catch(() => {});
