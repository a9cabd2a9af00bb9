import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { context, propagation, trace } from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import { W3CTraceContextPropagator } from '@opentelemetry/core';
import { BasicTracerProvider } from '@opentelemetry/sdk-trace-base';
import { registerStepFunction } from '@workflow/core/private';
import { setWorld, start, stepEntrypoint, workflowEntrypoint } from '@workflow/core/runtime';
import { createLocalWorld } from '@workflow/world-local';
import { SpanRecorder } from '../recorder.mjs';

const recorder = new SpanRecorder();
trace.setGlobalTracerProvider(new BasicTracerProvider({ spanProcessors: [recorder] }));
context.setGlobalContextManager(new AsyncLocalStorageContextManager());
propagation.setGlobalPropagator(new W3CTraceContextPropagator());

// A world of its own: a folder for its data, and queues that call the entry points in this process.
const dataDir = mkdtempSync(join(tmpdir(), 'workflow-'));
const world = createLocalWorld({ dataDir, baseUrl: 'http://localhost:9' });
setWorld(world);

let attempts = 0;
registerStepFunction('step//orders//reserve', async (order) => {
  if (order === 7 && attempts++ === 0) throw new RangeError('busy just now');
  if (order === 8) {
    const error = new Error('stock is gone');
    error.name = 'FatalError';
    error.fatal = true;
    throw error;
  }
  return order;
});
const code = `
globalThis.__private_workflows = new Map();
const reserve = globalThis[Symbol.for('WORKFLOW_USE_STEP')]('step//orders//reserve');
async function fulfil(order) { return reserve(order); }
fulfil.workflowId = 'workflow//orders//fulfil';
globalThis.__private_workflows.set('workflow//orders//fulfil', fulfil);
`;
world.registerHandler('__wkf_workflow_', workflowEntrypoint(code));
world.registerHandler('__wkf_step_', stepEntrypoint);
await world.start?.();
for (const order of [6, 7, 8]) {
  const run = await start({ workflowId: 'workflow//orders//fulfil' }, [order]);
  await run.returnValue.catch(() => undefined);
  await new Promise((resolve) => setTimeout(resolve, 500));
}
// What the world does for itself is of no interest, and a great deal.
recorder.events = recorder.events.filter(({ span }) => !/^(world|http|step\.|hook)/i.test(span.name));
recorder.save(
  new URL('.', import.meta.url),
  'vercel-workflow',
  'recorded in a local world whose queues call the entry points in the same process',
  ['@workflow/core', '@workflow/world-local', '@opentelemetry/sdk-trace-base'],
);
rmSync(dataDir, { recursive: true, force: true });
process.exit(0);
