import { Mastra } from '@mastra/core';
import { createStep, createWorkflow } from '@mastra/core/workflows';
import { Observability } from '@mastra/observability';
import { OtelBridge } from '@mastra/otel-bridge';
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

const rows = z.object({ rows: z.number() });
const extract = createStep({
  id: 'extract',
  inputSchema: rows,
  outputSchema: rows,
  execute: async ({ inputData }) => inputData,
});
let attempts = 0;
const load = createStep({
  id: 'load',
  inputSchema: rows,
  outputSchema: rows,
  retries: 1,
  execute: async ({ inputData }) => {
    if (inputData.rows === 1 && attempts++ === 0) throw new RangeError('busy just now');
    if (inputData.rows === 2) throw new TypeError('table is undefined');
    return inputData;
  },
});
const etl = createWorkflow({ id: 'etl', inputSchema: rows, outputSchema: rows })
  .then(extract)
  .then(load)
  .commit();
const observability = new Observability({
  configs: { default: { serviceName: 'etl', bridge: new OtelBridge() } },
});
const mastra = new Mastra({ workflows: { etl }, observability, logger: false });
for (const count of [0, 1, 2]) {
  const run = await mastra.getWorkflow('etl').createRun();
  await run.start({ inputData: { rows: count } });
}
await new Promise((resolve) => setTimeout(resolve, 500));
recorder.save(new URL('.', import.meta.url), 'mastra', 'recorded', [
  '@mastra/core',
  '@mastra/otel-bridge',
  '@opentelemetry/sdk-trace-base',
]);
process.exit(0);
