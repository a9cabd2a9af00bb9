import { context, propagation, trace } from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import { W3CTraceContextPropagator } from '@opentelemetry/core';
import { TracerProvider } from '@opentelemetry/sdk-trace';
import { DelayedError, FlowProducer, Queue, QueueEvents, Worker } from 'bullmq';
import { BullMQOtel } from 'bullmq-otel';
import { SpanRecorder } from '../recorder.mjs';

// A Redis server on 127.0.0.1, its port as the argument.
const connection = { host: '127.0.0.1', port: Number(process.argv[2]), maxRetriesPerRequest: null };
const recorder = new SpanRecorder();
trace.setGlobalTracerProvider(new TracerProvider({ spanProcessors: [recorder] }));
context.setGlobalContextManager(new AsyncLocalStorageContextManager());
propagation.setGlobalPropagator(new W3CTraceContextPropagator());

const telemetry = new BullMQOtel({ tracerName: 'shop-queues' });
const queue = new Queue('orders', { connection, telemetry });
const events = new QueueEvents('orders', { connection });
const flows = new FlowProducer({ connection, telemetry });
const tracer = trace.getTracer('app');

class PaymentDeclined extends Error {
  name = 'PaymentDeclined';
}

const worker = new Worker(
  'orders',
  async (job, token) => {
    if (job.name === 'fails-once' && job.attemptsMade === 0) throw new TypeError('stock is undefined');
    if (job.name === 'fails') throw new PaymentDeclined('card 4242 declined');
    if (job.name === 'put-off' && job.data.again) {
      await job.updateData({});
      await job.moveToDelayed(Date.now() + 50, token);
      throw new DelayedError();
    }
    if (job.name === 'with-spans') {
      await tracer.startActiveSpan('SELECT orders', async (span) => span.end());
    }
    return { secret: 'result' };
  },
  { connection, telemetry },
);

const done = (job) => job.waitUntilFinished(events).catch(() => undefined);
await events.waitUntilReady();
await done(await queue.add('succeeds', { secret: 'input' }));
await done(await queue.add('fails-once', {}, { attempts: 2 }));
await done(await queue.add('fails', {}));
await done(await queue.add('put-off', { again: true }));
await done(await queue.add('with-spans', {}));
const flow = await flows.add({
  name: 'parent',
  queueName: 'orders',
  opts: {},
  children: [{ name: 'child', queueName: 'orders', opts: {}, data: {} }],
});
await done(flow.job);
await worker.close();
await Promise.all([queue.close(), flows.close(), events.close()]);
// What a worker does while it waits repeats for as long as it waits.
recorder.events = recorder.events.filter(
  ({ span }) => !/^(moveStalledJobsToWait|startStalledCheckTimer|extendLocks)/.test(span.name),
);
recorder.save(new URL('.', import.meta.url), 'bullmq-otel', 'recorded from a worker on Redis 7', [
  'bullmq',
  'bullmq-otel',
  '@opentelemetry/sdk-trace',
]);
