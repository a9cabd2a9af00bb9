// An agent with a tool, of a model that says what it is told.
const { modelOf } = require('./model.cjs');

exports.runAgent = async (createReactAgent, core) => {
  const { DynamicTool } = core;
  const weather = new DynamicTool({
    name: 'weather',
    description: 'Tells the weather of a town.',
    func: async (town) => `sunny in ${town}`,
  });
  const tool_calls = [{ id: 'call-1', name: 'weather', args: { input: 'Bern' }, type: 'tool_call' }];
  const llm = modelOf(core)([
    { text: '', tool_calls, input_tokens: 20, output_tokens: 5 },
    { text: 'It is sunny.', input_tokens: 30, output_tokens: 4 },
  ]);
  const agent = createReactAgent({ llm, tools: [weather], name: 'forecaster' });
  const { messages } = await agent.invoke({ messages: [{ role: 'user', content: 'How is it in Bern?' }] });
  return messages.map(({ content }) => content).join(' | ');
};
