// The SDK's own mock models, made to give one answer after the other; an error is thrown.
exports.modelsOf = ({ MockLanguageModelV4, MockEmbeddingModelV4 }, { simulateReadableStream }) => {
  const oneByOne = (answers) => {
    const left = [...answers];
    return () => {
      const answer = left.shift();
      if (answer instanceof Error) throw answer;
      return answer;
    };
  };
  return {
    model(answers, span = () => undefined) {
      const next = oneByOne(answers);
      const doGenerate = async () => {
        span('of mini');
        return next();
      };
      return new MockLanguageModelV4({ modelId: 'mini', doGenerate });
    },
    streamModel(answers, chunkDelayInMs = null) {
      const next = oneByOne(answers);
      const doStream = async () => ({
        stream: simulateReadableStream({ chunks: next(), initialDelayInMs: null, chunkDelayInMs }),
      });
      return new MockLanguageModelV4({ modelId: 'mini', doStream });
    },
    embeddingModel: () =>
      new MockEmbeddingModelV4({
        doEmbed: async ({ values }) => ({
          embeddings: values.map(() => [1]),
          usage: { tokens: 3 },
          warnings: [],
        }),
      }),
  };
};
