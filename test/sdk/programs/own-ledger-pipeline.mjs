// An application that sets up its own ledger, although it is started with `runledger/register`.
import { NodeSDK } from '@opentelemetry/sdk-node';
import { runPipeline, withRunledger } from '../../../src/index.ts';

const sdk = new NodeSDK(
  withRunledger(
    { serviceName: 'own', spanProcessors: [], metricReaders: [], logRecordProcessors: [] },
    { store: 'sqlite:.runledger/own.db' },
  ),
);
sdk.start();
await runPipeline('import', async (run) => {
  await run.step('load', async () => {});
});
await sdk.shutdown();
