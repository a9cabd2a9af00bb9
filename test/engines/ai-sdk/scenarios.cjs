// Calls of models as applications write them. Nothing here knows of Runledger.

/** Each is given the AI SDK, its mock models, and what makes a span of the application's own; returns what it found. */
exports.scenarios = {
  async tools({ generateText, tool, isStepCount, jsonSchema }, { model, span }) {
    const weather = tool({
      description: 'Tells the weather of a town.',
      inputSchema: jsonSchema({ type: 'object', properties: { town: { type: 'string' } } }),
      execute: async ({ town }) => {
        span(`of ${town}`);
        if (town === 'Atlantis') throw new RangeError('no such town');
        return 'sunny';
      },
    });
    const { text } = await generateText({
      model: model(
        [asks('weather', { town: 'Bern' }), asks('weather', { town: 'Atlantis' }), says('sunny')],
        span,
      ),
      tools: { weather },
      stopWhen: isStepCount(5),
      prompt: 'How is it in Bern?',
      telemetry: { functionId: 'forecast' },
    });
    return text;
  },

  async retry({ generateText, APICallError }, { model }) {
    const { text } = await generateText({
      model: model([overloaded(APICallError), says('ok')]),
      prompt: 'well?',
      telemetry: { functionId: 'retry' },
    });
    return text;
  },

  async exhausted({ generateText, APICallError }, { model }) {
    const answers = [overloaded(APICallError), overloaded(APICallError)];
    return generateText({
      model: model(answers),
      maxRetries: 1,
      prompt: 'well?',
      telemetry: { functionId: 'exhausted' },
    }).catch(({ name }) => name);
  },

  async failure({ generateText }, { model }) {
    return generateText({
      model: model([new TypeError('no such model')]),
      prompt: 'well?',
      telemetry: { functionId: 'failure' },
    }).catch(({ message }) => message);
  },

  async stream({ streamText, tool, isStepCount, jsonSchema }, { streamModel, span }) {
    const clock = tool({
      description: 'Tells the time.',
      inputSchema: jsonSchema({ type: 'object', properties: {} }),
      execute: async () => {
        span('of clock');
        return 'noon';
      },
    });
    const { textStream } = streamText({
      model: streamModel([asked('clock'), said('It is ', 'noon.')]),
      tools: { clock },
      stopWhen: isStepCount(5),
      prompt: 'What time is it?',
      telemetry: { functionId: 'stream' },
    });
    let text = '';
    for await (const part of textStream) text += part;
    return text;
  },

  async broken({ streamText }, { streamModel }) {
    const errors = [];
    const { textStream } = streamText({
      model: streamModel([new TypeError('no stream today')]),
      prompt: 'well?',
      telemetry: { functionId: 'broken' },
      onError: ({ error }) => errors.push(error.message),
    });
    for await (const _ of textStream);
    return errors.join();
  },

  async aborted({ streamText }, { streamModel }) {
    const controller = new AbortController();
    const { textStream } = streamText({
      model: streamModel([said('It ', 'is ', 'noon.')], 20),
      prompt: 'What time is it?',
      abortSignal: controller.signal,
      telemetry: { functionId: 'aborted' },
    });
    let text = '';
    try {
      for await (const part of textStream) {
        text += part;
        controller.abort();
      }
    } catch {
      // Newer versions end the stream, older ones throw.
    }
    return text;
  },

  /** A tool is asked for that may not be called; the stream goes on without it. */
  async denied({ streamText, tool, isStepCount, jsonSchema }, { streamModel }) {
    const clock = tool({
      description: 'Tells the time.',
      inputSchema: jsonSchema({ type: 'object', properties: {} }),
      execute: () => 'noon',
    });
    const { textStream } = streamText({
      model: streamModel([asked('clock'), said('I may not know.')]),
      tools: { clock },
      toolApproval: { clock: { type: 'denied', reason: 'nobody asks for the time' } },
      stopWhen: isStepCount(5),
      prompt: 'What time is it?',
      telemetry: { functionId: 'denied' },
    });
    let text = '';
    for await (const part of textStream) text += part;
    return text;
  },

  async agent({ ToolLoopAgent }, { model }) {
    const agent = new ToolLoopAgent({ model: model([says('hello')]), telemetry: { functionId: 'agent' } });
    return (await agent.generate({ prompt: 'hi' })).text;
  },

  async embed({ embedMany }, { embeddingModel }) {
    const { usage } = await embedMany({
      model: embeddingModel(),
      values: ['a', 'b'],
      telemetry: { functionId: 'embed' },
    });
    return usage.tokens;
  },

  async silent({ generateText }, { model }) {
    const { text } = await generateText({
      model: model([says('nothing')]),
      prompt: 'hush',
      telemetry: { isEnabled: false, functionId: 'silent' },
    });
    return text;
  },

  async secret({ generateText }, { model }) {
    return generateText({
      model: model([new TypeError('no such model')]),
      prompt: 'between us',
      telemetry: { functionId: 'secret', recordInputs: false, recordOutputs: false },
    }).catch(({ message }) => message);
  },
};

const usage = {
  inputTokens: { total: 11, noCache: 7, cacheRead: 4, cacheWrite: undefined },
  outputTokens: { total: 7, text: 7, reasoning: undefined },
};
const STOP = { unified: 'stop', raw: 'stop' };
const CALLS = { unified: 'tool-calls', raw: 'tool_use' };

function says(text) {
  return { content: [{ type: 'text', text }], finishReason: STOP, usage, warnings: [] };
}

function asks(toolName, input) {
  const call = { type: 'tool-call', toolCallId: 'call-1', toolName, input: JSON.stringify(input) };
  return { content: [call], finishReason: CALLS, usage, warnings: [] };
}

function said(...texts) {
  return [
    { type: 'stream-start', warnings: [] },
    { type: 'text-start', id: '1' },
    ...texts.map((delta) => ({ type: 'text-delta', id: '1', delta })),
    { type: 'text-end', id: '1' },
    { type: 'finish', finishReason: STOP, usage },
  ];
}

function asked(toolName) {
  return [
    { type: 'stream-start', warnings: [] },
    { type: 'tool-call', toolCallId: 'call-1', toolName, input: '{}' },
    { type: 'finish', finishReason: CALLS, usage },
  ];
}

function overloaded(APICallError) {
  return new APICallError({
    message: 'overloaded',
    url: 'http://127.0.0.1/model',
    requestBodyValues: { model: 'm' },
    statusCode: 529,
    responseHeaders: { 'retry-after-ms': '1' },
    isRetryable: true,
  });
}
