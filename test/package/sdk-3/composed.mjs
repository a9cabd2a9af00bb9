// The packed package in an SDK 3.x set-up of its own. Prints what was exported and scraped.
import { trace } from '@opentelemetry/api';
import { NodeSDK } from '@opentelemetry/sdk-node';
import { AlwaysOnSampler, InMemorySpanExporter, SimpleSpanProcessor } from '@opentelemetry/sdk-trace';
import { currentRunledger, runPipeline, withRunledger } from 'runledger';

const exporter = new InMemorySpanExporter();
const prometheus = { port: Number(process.env.PROMETHEUS_PORT) };
const sdk = new NodeSDK(
  withRunledger(
    {
      serviceName: 'fixture',
      sampler: new AlwaysOnSampler(),
      spanProcessors: [new SimpleSpanProcessor({ exporter })],
      metricReaders: [],
    },
    { prometheus },
  ),
);
sdk.start();
await runPipeline('import', async (run) => {
  await run.step('download', async () => {});
  await run.process('store', (process) =>
    process.step('load', async () => {
      throw new TypeError('row 7 has no date');
    }),
  );
}).catch(() => {});
await trace.getTracerProvider().getDelegate().forceFlush();
const spans = exporter.getFinishedSpans().map(({ name }) => name);
const scrape = await (await fetch(`http://127.0.0.1:${prometheus.port}/metrics`)).text();
await sdk.shutdown();
process.stdout.write(JSON.stringify({ spans, scrape, accounts: currentRunledger().accounts() }));
