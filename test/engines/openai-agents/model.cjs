// A model that gives one answer after the other; an error is thrown.
exports.modelOf = ({ Usage, withGenerationSpan }) =>
  function model(answers, span = () => undefined) {
    const left = [...answers];
    const usage = { inputTokens: 11, outputTokens: 7, totalTokens: 18 };
    const next = () => {
      const answer = left.shift();
      if (answer instanceof Error) throw answer;
      return answer;
    };
    return {
      // As the SDK's own models do, with a span of the generation.
      getResponse: () =>
        withGenerationSpan(
          async (generation) => {
            span('of model');
            const output = next();
            generation.spanData.usage = { input_tokens: 11, output_tokens: 7 };
            return { usage: new Usage(usage), output };
          },
          { data: { model: 'mini' } },
        ),
      async *getStreamedResponse() {
        const output = next();
        yield { type: 'response_done', response: { id: 'response-1', usage, output } };
      },
    };
  };
