import * as OtelTracer from '@effect/opentelemetry/OtelTracer';
import { context, trace } from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import { BasicTracerProvider } from '@opentelemetry/sdk-trace-base';
import { Data, Effect } from 'effect';
import { SpanRecorder } from '../recorder.mjs';

const recorder = new SpanRecorder();
trace.setGlobalTracerProvider(new BasicTracerProvider({ spanProcessors: [recorder] }));
context.setGlobalContextManager(new AsyncLocalStorageContextManager());

class StockEmpty extends Data.TaggedError('StockEmpty') {
  message = 'no apples are left';
}
const fetchOrders = Effect.succeed(3).pipe(Effect.withSpan('fetch orders'));
const reserve = Effect.fail(new StockEmpty()).pipe(Effect.withSpan('reserve stock'));
const program = (work) => Effect.andThen(fetchOrders, work).pipe(Effect.withSpan('fulfil orders'));
const layer = OtelTracer.layerGlobal;

await Effect.runPromise(program(Effect.void).pipe(Effect.provide(layer)));
await Effect.runPromise(program(reserve).pipe(Effect.provide(layer))).catch(() => undefined);
recorder.save(new URL('.', import.meta.url), 'effect', 'recorded', [
  'effect',
  '@effect/opentelemetry',
  '@opentelemetry/sdk-trace-base',
]);
