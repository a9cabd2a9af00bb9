// A NodeSDK with `withRunledger`, set up in code. Prints the names of the spans its own exporter saw.
import { trace } from '@opentelemetry/api';
import { NodeSDK } from '@opentelemetry/sdk-node';
import { InMemorySpanExporter, SimpleSpanProcessor } from '@opentelemetry/sdk-trace';
import { currentRunledger, runPipeline, withRunledger } from '../../../src/index.ts';

const mode = process.argv[2] ?? 'environment';
const exporter = new InMemorySpanExporter();
const configurations = {
  environment: {},
  processors: { spanProcessors: [new SimpleSpanProcessor({ exporter })] },
  exporter: { traceExporter: exporter },
};
const configuration = withRunledger({ serviceName: 'composed', ...configurations[mode] });
const sdk = new NodeSDK(process.argv[3] === 'twice' ? withRunledger(configuration) : configuration);
sdk.start();
await runPipeline('import', async (run) => {
  await run.step('download', async () => {});
  await run.step('load', async () => {
    throw new TypeError('row 7 has no date');
  });
}).catch(() => {});
if (process.argv[3] === 'scrape') {
  const response = await fetch(`http://127.0.0.1:${process.env.RUNLEDGER_PROMETHEUS_PORT}/metrics`);
  process.stdout.write(await response.text());
}
await trace.getTracerProvider().getDelegate().forceFlush();
// Read before the shutdown, at which the in-memory exporter forgets.
const spans = exporter.getFinishedSpans().map(({ name }) => name);
if (process.argv[3] !== 'leave') await sdk.shutdown();
if (process.argv[3] === 'twice') await sdk.shutdown();
process.stdout.write(`${JSON.stringify({ spans, accounts: currentRunledger()?.accounts() })}\n`);
