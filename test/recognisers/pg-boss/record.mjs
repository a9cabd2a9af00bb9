import { context, propagation, trace } from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import { W3CTraceContextPropagator } from '@opentelemetry/core';
import { BasicTracerProvider } from '@opentelemetry/sdk-trace-base';
import { PgBoss } from 'pg-boss';
import { SpanRecorder } from '../recorder.mjs';

// The URL of a PostgreSQL database as the argument.
const recorder = new SpanRecorder();
trace.setGlobalTracerProvider(new BasicTracerProvider({ spanProcessors: [recorder] }));
context.setGlobalContextManager(new AsyncLocalStorageContextManager());
propagation.setGlobalPropagator(new W3CTraceContextPropagator());

const boss = new PgBoss({ connectionString: process.argv[2], openTelemetry: { propagateContext: true } });
await boss.start();
await boss.createQueue('mails');

class MailboxFull extends Error {
  name = 'MailboxFull';
}

const ended = Promise.withResolvers();
let attempts = 0;
await boss.work('mails', { pollingIntervalSeconds: 0.5, includeMetadata: true }, async ([job]) => {
  if (job.data.step === 'fails-once' && attempts++ === 0) throw new MailboxFull('mailbox of ada is full');
  if (job.data.step === 'fails-once') ended.resolve();
});
await boss.send('mails', { step: 'succeeds' });
await boss.send('mails', { step: 'fails-once' }, { retryLimit: 1, retryDelay: 0 });
await ended.promise;
await new Promise((resolve) => setTimeout(resolve, 500));
await boss.stop({ graceful: true });
recorder.save(new URL('.', import.meta.url), 'pg-boss', 'recorded from a worker on PostgreSQL 15', [
  'pg-boss',
  '@opentelemetry/sdk-trace-base',
]);
