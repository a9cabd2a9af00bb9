import { context, propagation, trace } from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import { W3CTraceContextPropagator } from '@opentelemetry/core';
import { BasicTracerProvider } from '@opentelemetry/sdk-trace-base';
import { generateText, stepCountIs, tool } from 'ai';
import { MockLanguageModelV2 } from 'ai/test';
import { z } from 'zod';
import { SpanRecorder } from '../recorder.mjs';

const recorder = new SpanRecorder();
trace.setGlobalTracerProvider(new BasicTracerProvider({ spanProcessors: [recorder] }));
context.setGlobalContextManager(new AsyncLocalStorageContextManager());
propagation.setGlobalPropagator(new W3CTraceContextPropagator());

const usage = { inputTokens: 11, outputTokens: 7, totalTokens: 18 };
const answers = [
  [{ type: 'tool-call', toolCallId: 'call-1', toolName: 'weather', input: '{"city":"Oslo"}' }, 'tool-calls'],
  [{ type: 'text', text: 'It rains.' }, 'stop'],
];

/** A model that asks for a tool, then answers. */
function model() {
  let calls = 0;
  return new MockLanguageModelV2({
    modelId: 'mock-1',
    doGenerate: async () => {
      const [content, finishReason] = answers[calls++];
      return { content: [content], finishReason, usage, warnings: [] };
    },
  });
}

const settings = {
  prompt: 'secret prompt',
  stopWhen: stepCountIs(3),
  experimental_telemetry: { isEnabled: true, functionId: 'forecast' },
};
const weather = (execute) =>
  tool({ description: 'the weather', inputSchema: z.object({ city: z.string() }), execute });
await generateText({ ...settings, model: model(), tools: { weather: weather(async () => 'rain') } });
await generateText({
  ...settings,
  model: new MockLanguageModelV2({
    modelId: 'mock-1',
    doGenerate: async () => {
      throw new RangeError('model overloaded');
    },
  }),
  maxRetries: 0,
}).catch(() => undefined);
recorder.save(new URL('.', import.meta.url), 'ai-sdk-legacy', 'recorded with a mock model', [
  'ai',
  '@opentelemetry/sdk-trace-base',
]);
