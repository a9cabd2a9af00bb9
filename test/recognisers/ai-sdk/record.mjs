import { OpenTelemetry } from '@ai-sdk/otel';
import { context, propagation, trace } from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import { W3CTraceContextPropagator } from '@opentelemetry/core';
import { BasicTracerProvider } from '@opentelemetry/sdk-trace-base';
import { generateText, isStepCount, registerTelemetry, stepCountIs, tool } from 'ai';
import { MockLanguageModelV4 } from 'ai/test';
import { z } from 'zod';
import { SpanRecorder } from '../recorder.mjs';

const recorder = new SpanRecorder();
trace.setGlobalTracerProvider(new BasicTracerProvider({ spanProcessors: [recorder] }));
context.setGlobalContextManager(new AsyncLocalStorageContextManager());
propagation.setGlobalPropagator(new W3CTraceContextPropagator());
registerTelemetry(new OpenTelemetry());

const usage = {
  inputTokens: { total: 11, noCache: 11, cacheRead: 0, cacheWrite: 0 },
  outputTokens: { total: 7, text: 7, reasoning: 0 },
};
const answers = [
  [
    { type: 'tool-call', toolCallId: 'call-1', toolName: 'weather', input: '{"city":"Oslo"}' },
    { unified: 'tool-calls', raw: 'tool_calls' },
  ],
  [
    { type: 'text', text: 'It rains.' },
    { unified: 'stop', raw: 'stop' },
  ],
];

/** A model that asks for a tool, then answers. */
function model() {
  let calls = 0;
  return new MockLanguageModelV4({
    modelId: 'mock-1',
    doGenerate: async () => {
      const [content, finishReason] = answers[calls++];
      return { content: [content], finishReason, usage, warnings: [] };
    },
  });
}

const weather = (execute) =>
  tool({ description: 'the weather', inputSchema: z.object({ city: z.string() }), execute });
const stopWhen = (isStepCount ?? stepCountIs)(3);

const prompt = 'secret prompt';
const telemetry = { functionId: 'forecast' };
await generateText({
  model: model(),
  prompt,
  stopWhen,
  telemetry,
  tools: { weather: weather(async () => 'rain') },
});
await generateText({
  model: model(),
  prompt,
  stopWhen,
  telemetry,
  tools: {
    weather: weather(async () => {
      throw new TypeError('no station in Oslo');
    }),
  },
});
await generateText({
  model: new MockLanguageModelV4({
    modelId: 'mock-1',
    doGenerate: async () => {
      throw new RangeError('model overloaded');
    },
  }),
  prompt,
  maxRetries: 0,
  telemetry,
}).catch(() => undefined);
recorder.save(new URL('.', import.meta.url), 'ai-sdk-otel', 'recorded with a mock model', [
  'ai',
  '@ai-sdk/otel',
  '@opentelemetry/sdk-trace-base',
]);
