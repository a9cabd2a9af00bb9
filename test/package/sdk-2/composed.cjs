// The packed package, by require(), in an SDK 2.x set-up of its own. Prints what was exported and scraped.
const { trace } = require('@opentelemetry/api');
const { NodeSDK } = require('@opentelemetry/sdk-node');
const {
  AlwaysOnSampler,
  InMemorySpanExporter,
  SimpleSpanProcessor,
} = require('@opentelemetry/sdk-trace-base');
const { currentRunledger, runPipeline, withRunledger } = require('runledger');

const exporter = new InMemorySpanExporter();
const prometheus = { port: Number(process.env.PROMETHEUS_PORT) };
const sdk = new NodeSDK(
  withRunledger(
    {
      serviceName: 'fixture',
      sampler: new AlwaysOnSampler(),
      spanProcessors: [new SimpleSpanProcessor(exporter)],
      metricReaders: [],
    },
    { prometheus },
  ),
);
sdk.start();

async function main() {
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
}

main();
