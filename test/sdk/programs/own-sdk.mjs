// An SDK the application sets up itself. Its spans are printed when the event loop runs empty.
import { context, metrics, propagation, trace } from '@opentelemetry/api';
import { NodeSDK } from '@opentelemetry/sdk-node';
import { AlwaysOffSampler, InMemorySpanExporter, SimpleSpanProcessor } from '@opentelemetry/sdk-trace';

// Taken before the SDK starts, as libraries do when they are loaded.
export const earlyTracer = trace.getTracer('early');

const exporter = new InMemorySpanExporter();
const sdk = new NodeSDK({
  serviceName: 'own',
  spanProcessors: [new SimpleSpanProcessor({ exporter })],
  metricReaders: [],
  logRecordProcessors: [],
  ...(process.env.OWN_SAMPLER === 'off' && { sampler: new AlwaysOffSampler() }),
});
sdk.start();
process.once('beforeExit', () => {
  const names = exporter.getFinishedSpans().map(({ name }) => name);
  process.stdout.write(`own spans: ${names.sort().join(', ')}\n`);
});

export { context, metrics, propagation };
