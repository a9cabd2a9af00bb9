// Agents as applications write them. Nothing here knows of Runledger.

/** Each is given the Agents SDK, a model made of its answers, and what makes a span of the application's own. */
exports.scenarios = {
  async tools({ Agent, run, tool }, { model, span }) {
    const sun = tool({
      ...NO_PARAMETERS,
      name: 'sun',
      execute: async () => {
        span('of sun');
        return 'it shines';
      },
    });
    const rain = tool({
      ...NO_PARAMETERS,
      name: 'rain',
      execute: async () => {
        throw new RangeError('no clouds');
      },
    });
    const agent = new Agent({
      name: 'helper',
      model: model([asks('sun', 'rain'), says('sunny')], span),
      tools: [sun, rain],
    });
    return (await run(agent, 'How is it?')).finalOutput;
  },

  async failure({ Agent, Runner, tool }, { model }) {
    const hard = tool({
      ...NO_PARAMETERS,
      name: 'hard',
      errorFunction: null,
      execute: async () => {
        throw new RangeError('no such town');
      },
    });
    const agent = new Agent({ name: 'helper', model: model([asks('hard')]), tools: [hard] });
    const runner = new Runner({ workflowName: 'failure' });
    return runner.run(agent, 'go').catch(({ name, message }) => `${name} ${message}`);
  },

  async broken({ Agent, Runner }, { model }) {
    const agent = new Agent({ name: 'helper', model: model([new TypeError('no such model')]) });
    const runner = new Runner({ workflowName: 'broken' });
    return runner.run(agent, 'go').catch(({ message }) => message);
  },

  async handoff({ Agent, run, withTrace, withCustomSpan }, { model, span }) {
    const second = new Agent({ name: 'second', model: model([says('from the second')]) });
    const first = new Agent({
      name: 'first',
      model: model([asks('transfer_to_second')]),
      handoffs: [second],
    });
    const work = async () => {
      await withCustomSpan(async () => span('of prepare'), { data: { name: 'prepare', data: {} } });
      return run(first, 'go');
    };
    return (await withTrace('handoff', work, { groupId: 'talk-7' })).finalOutput;
  },

  async atOnce({ Agent, run, tool, withTrace }, { model, span }) {
    const runs = ['left', 'right'].map((name) => {
      const look = tool({
        ...NO_PARAMETERS,
        name: `look ${name}`,
        execute: async () => span(`of ${name}`) ?? name,
      });
      const agent = new Agent({ name, model: model([asks(`look_${name}`), says(name)]), tools: [look] });
      return async () => withTrace(name, () => run(agent, 'go'));
    });
    const results = await Promise.all(runs.map((start) => start()));
    span('of nobody');
    return results.map(({ finalOutput }) => finalOutput).join();
  },

  async stream({ Agent, Runner, tool }, { model, span }) {
    const clock = tool({ ...NO_PARAMETERS, name: 'clock', execute: async () => span('of clock') ?? 'noon' });
    const agent = new Agent({ name: 'helper', model: model([asks('clock'), says('noon')]), tools: [clock] });
    const result = await new Runner({ workflowName: 'stream' }).run(agent, 'go', { stream: true });
    for await (const _ of result);
    await result.completed;
    return result.finalOutput;
  },

  async brokenStream({ Agent, Runner }, { model }) {
    const agent = new Agent({ name: 'helper', model: model([new TypeError('no stream today')]) });
    const result = await new Runner({ workflowName: 'brokenStream' }).run(agent, 'go', { stream: true });
    try {
      for await (const _ of result);
      await result.completed;
    } catch ({ message }) {
      return message;
    }
    return 'nothing broke';
  },

  /** Waits an hour by the clock for a tool to be approved; what waits is written down in between, or is not. */
  async approval({ Agent, Runner, RunState, tool }, { model }) {
    const answers = [];
    for (const isWritten of [false, true]) {
      const pay = tool({ ...NO_PARAMETERS, name: 'pay', needsApproval: true, execute: async () => 'paid' });
      const agent = new Agent({ name: 'clerk', model: model([asks('pay'), says('done')]), tools: [pay] });
      const runner = new Runner({ workflowName: `approval ${isWritten ? 'written' : 'kept'}` });
      const asked = await runner.run(agent, 'go');
      const state = isWritten ? await RunState.fromString(agent, asked.state.toString()) : asked.state;
      const [interruption] = state.getInterruptions();
      state.approve(interruption);
      const { now } = Date;
      Date.now = () => now() + 3_600_000;
      const { finalOutput } = await runner.run(agent, state);
      Date.now = now;
      answers.push(finalOutput);
    }
    return answers.join();
  },

  async guarded({ Agent, Runner }, { model }) {
    const guardrail = {
      name: 'no secrets',
      execute: async () => ({ outputInfo: 'a secret', tripwireTriggered: true }),
    };
    const agent = new Agent({ name: 'helper', model: model([says('never')]), inputGuardrails: [guardrail] });
    return new Runner({ workflowName: 'guarded' })
      .run(agent, 'a secret')
      .catch((error) => error.constructor.name);
  },

  async disabled({ Agent, Runner }, { model }) {
    const agent = new Agent({ name: 'helper', model: model([says('unseen')]) });
    const runner = new Runner({ workflowName: 'disabled', tracingDisabled: true });
    return (await runner.run(agent, 'go')).finalOutput;
  },
};

const NO_PARAMETERS = {
  description: 'Tells something.',
  parameters: { type: 'object', properties: {}, required: [], additionalProperties: false },
  strict: true,
};

let calls = 0;

function says(text) {
  const content = [{ type: 'output_text', text }];
  return [{ type: 'message', role: 'assistant', status: 'completed', content }];
}

function asks(...names) {
  return names.map((name) => ({
    type: 'function_call',
    callId: `call-${++calls}`,
    name,
    status: 'completed',
    arguments: '{}',
  }));
}
