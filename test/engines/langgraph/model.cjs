// A chat model that says what it is told, with the usage a provider would report.
exports.modelOf =
  ({ BaseChatModel, AIMessage, AIMessageChunk, ChatGenerationChunk }) =>
  (answers) => {
    const left = [...answers];
    const next = () => {
      const { text, tool_calls = [], ...usage } = left.shift();
      const total_tokens = usage.input_tokens + usage.output_tokens;
      return { content: text, tool_calls, usage_metadata: { ...usage, total_tokens } };
    };
    class ScriptedModel extends BaseChatModel {
      _llmType() {
        return 'scripted';
      }
      bindTools() {
        return this;
      }
      async _generate() {
        const fields = next();
        return { generations: [{ text: fields.content, message: new AIMessage(fields) }] };
      }
      async *_streamResponseChunks() {
        const fields = next();
        yield new ChatGenerationChunk({ text: fields.content, message: new AIMessageChunk(fields) });
      }
    }
    return new ScriptedModel({});
  };
