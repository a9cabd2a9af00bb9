// `withRunledger` by require(), exporters from the environment alone.
const { NodeSDK } = require('@opentelemetry/sdk-node');
const { runPipeline, withRunledger } = require('../../../src/index.ts');

const sdk = new NodeSDK(withRunledger({ serviceName: 'composed' }));
sdk.start();
runPipeline('import', async (run) => {
  await run.step('download', async () => {});
  await run.step('load', async () => {
    throw new TypeError('row 7 has no date');
  });
})
  .catch(() => {})
  .then(() => sdk.shutdown());
