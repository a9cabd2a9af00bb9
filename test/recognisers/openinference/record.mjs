import { LangChainInstrumentation } from '@arizeai/openinference-instrumentation-langchain';
import * as CallbackManager from '@langchain/core/callbacks/manager';
import { RunnableLambda } from '@langchain/core/runnables';
import { tool } from '@langchain/core/tools';
import { FakeListChatModel } from '@langchain/core/utils/testing';
import { Annotation, Command, END, interrupt, MemorySaver, START, StateGraph } from '@langchain/langgraph';
import { context, propagation, trace } from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import { W3CTraceContextPropagator } from '@opentelemetry/core';
import { BasicTracerProvider } from '@opentelemetry/sdk-trace-base';
import { z } from 'zod';
import { SpanRecorder } from '../recorder.mjs';

const recorder = new SpanRecorder();
trace.setGlobalTracerProvider(new BasicTracerProvider({ spanProcessors: [recorder] }));
context.setGlobalContextManager(new AsyncLocalStorageContextManager());
propagation.setGlobalPropagator(new W3CTraceContextPropagator());
const instrumentation = new LangChainInstrumentation();
instrumentation.setTracerProvider(trace.getTracerProvider());
instrumentation.manuallyInstrument(CallbackManager);

const State = Annotation.Root({ text: Annotation(), fails: Annotation(), asks: Annotation() });
const model = new FakeListChatModel({ responses: ['fine'] });
const lookUp = tool(async () => 'found', { name: 'look_up', description: 'looks up', schema: z.object({}) });
let attempts = 0;
const graph = new StateGraph(State)
  .addNode('plan', async () => {
    const answer = await model.invoke('secret prompt');
    await lookUp.invoke({});
    return { text: answer.content };
  })
  .addNode(
    'act',
    async (state) => {
      if (state.asks) return { text: interrupt('are you sure?') };
      if (state.fails === 'once' && attempts++ === 0) throw new RangeError('busy just now');
      if (state.fails === 'always') throw new TypeError('tool is undefined');
      return { text: 'done' };
    },
    { retryPolicy: { maxAttempts: 2, initialInterval: 5, retryOn: (error) => error instanceof RangeError } },
  )
  .addEdge(START, 'plan')
  .addEdge('plan', 'act')
  .addEdge('act', END)
  .compile({ checkpointer: new MemorySaver(), name: 'helpdesk' });

const thread = (thread_id) => ({ configurable: { thread_id } });
await graph.invoke({ text: 'secret input' }, thread('t-1'));
await graph.invoke({ text: 'secret input', fails: 'once' }, thread('t-2'));
await graph.invoke({ text: 'secret input', fails: 'always' }, thread('t-3')).catch(() => undefined);
await graph.invoke({ text: 'secret input', asks: true }, thread('t-4'));
await graph.invoke(new Command({ resume: 'yes' }), thread('t-4'));
await RunnableLambda.from(async () => 'no graph')
  .withConfig({ runName: 'summarise' })
  .invoke('secret input');
await new Promise((resolve) => setTimeout(resolve, 200));
recorder.save(new URL('.', import.meta.url), 'openinference', 'recorded from a graph with a fake model', [
  '@arizeai/openinference-instrumentation-langchain',
  '@langchain/langgraph',
  '@langchain/core',
  '@opentelemetry/sdk-trace-base',
]);
