// An application that sets up its own SDK 2.x when it starts, without a word about this package.
import { trace } from '@opentelemetry/api';
import { NodeSDK } from '@opentelemetry/sdk-node';
import { InMemorySpanExporter, SimpleSpanProcessor } from '@opentelemetry/sdk-trace-base';
import { runPipeline } from 'runledger';

const early = trace.getTracer('early');
const exporter = new InMemorySpanExporter();
const sdk = new NodeSDK({ spanProcessors: [new SimpleSpanProcessor(exporter)], metricReaders: [] });
sdk.start();
early.startSpan('early').end();
await runPipeline('import', async (run) => {
  await run.step('download', async () => {});
  await run.process('store', (process) =>
    process.step('load', async () => {
      throw new TypeError('row 7 has no date');
    }),
  );
}).catch(() => {});
await trace.getTracerProvider().getDelegate().forceFlush();
process.stdout.write(JSON.stringify(exporter.getFinishedSpans().map(({ name }) => name)));
