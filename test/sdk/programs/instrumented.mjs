// File system calls are traced while records are written, read back and removed. Prints the spans of the tracer.
import { createRequire, syncBuiltinESMExports } from 'node:module';
import { FsInstrumentation } from '@opentelemetry/instrumentation-fs';
import { NodeSDK } from '@opentelemetry/sdk-node';
import { InMemorySpanExporter, SimpleSpanProcessor } from '@opentelemetry/sdk-trace';
import { currentRunledger, runPipeline, withRunledger } from '../../../src/index.ts';

const spans = new InMemorySpanExporter();
const sdk = new NodeSDK(
  withRunledger({
    serviceName: 'instrumented',
    autoDetectResources: false,
    spanProcessors: [new SimpleSpanProcessor({ exporter: spans })],
    metricReaders: [],
    logRecordProcessors: [],
    instrumentations: [new FsInstrumentation()],
  }),
);
sdk.start();
const fs = createRequire(import.meta.url)('node:fs');
syncBuiltinESMExports();

for (let count = 0; count < 100; count++) {
  // Begun inside a run, a write would be a child of its spans.
  await runPipeline('import', async (run) => {
    await run.step('load', () => fs.promises.stat('.'));
    await currentRunledger().forceFlush();
  });
}
const names = spans.getFinishedSpans().map(({ name }) => name);
await currentRunledger().shutdown();
const later = spans.getFinishedSpans().length - names.length;
await sdk.shutdown();
process.stdout.write(JSON.stringify({ names, later, stored: currentRunledger().accounts().stored }));
