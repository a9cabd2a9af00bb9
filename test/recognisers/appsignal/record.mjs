import { createRequire } from 'node:module';
import { context, propagation, trace } from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import { W3CTraceContextPropagator } from '@opentelemetry/core';
import { registerInstrumentations } from '@opentelemetry/instrumentation';
import { BasicTracerProvider } from '@opentelemetry/sdk-trace-base';
import { SpanRecorder } from '../recorder.mjs';

// A Redis server on 127.0.0.1, its port as the argument.
const connection = { host: '127.0.0.1', port: Number(process.argv[2]), maxRetriesPerRequest: null };
const recorder = new SpanRecorder();
trace.setGlobalTracerProvider(new BasicTracerProvider({ spanProcessors: [recorder] }));
context.setGlobalContextManager(new AsyncLocalStorageContextManager());
propagation.setGlobalPropagator(new W3CTraceContextPropagator());
const require = createRequire(import.meta.url);
const { BullMQInstrumentation } = require('@appsignal/opentelemetry-instrumentation-bullmq');
registerInstrumentations({ instrumentations: [new BullMQInstrumentation()] });
const { Queue, QueueEvents, Worker } = require('bullmq');

const queue = new Queue('orders', { connection });
const events = new QueueEvents('orders', { connection });
const worker = new Worker(
  'orders',
  async (job) => {
    if (job.name === 'fails-once' && job.attemptsMade === 0) throw new TypeError('stock is undefined');
  },
  { connection },
);
const done = (job) => job.waitUntilFinished(events).catch(() => undefined);
await events.waitUntilReady();
await done(await queue.add('succeeds', { secret: 'input' }));
await done(await queue.add('fails-once', {}, { attempts: 2 }));
await worker.close();
await Promise.all([queue.close(), events.close()]);
recorder.save(new URL('.', import.meta.url), 'appsignal-bullmq', 'recorded from a worker on Redis 7', [
  'bullmq',
  '@appsignal/opentelemetry-instrumentation-bullmq',
  '@opentelemetry/sdk-trace-base',
]);
