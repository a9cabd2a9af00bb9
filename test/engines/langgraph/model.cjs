// A chat model that says what it is told, with the usage a provider would report.
exports.modelOf =
  ({ BaseChatModel, AIMessage, AIMessageChunk, ChatGenerationChunk }) =>
  (answers) => {
    const left = [...answers];
    class ScriptedModel extends BaseChatModel {
      _llmType() {
        return 'scripted';
      }
      async _generate() {
        const { text, usage_metadata } = next();
        return { generations: [{ text, message: new AIMessage({ content: text, usage_metadata }) }] };
      }
      async *_streamResponseChunks() {
        const { text, usage_metadata } = next();
        const message = new AIMessageChunk({ content: text, usage_metadata });
        yield new ChatGenerationChunk({ text, message });
      }
    }
    const next = () => {
      const { text, ...usage } = left.shift();
      return {
        text,
        usage_metadata: { ...usage, total_tokens: usage.input_tokens + usage.output_tokens },
      };
    };
    return new ScriptedModel({});
  };
