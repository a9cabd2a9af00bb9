// A set-up in code, with options for an engine.
import { NodeSDK } from '@opentelemetry/sdk-node';

const { withRunledger } = await import(process.env.RUNLEDGER_INDEX);
const engines = {
  listr2: {
    captureInput: true,
    name: ({ tasks }) => (tasks.length > 1 ? `release of ${tasks.length}` : undefined),
  },
};
new NodeSDK(withRunledger({ metricReaders: [], spanProcessors: [] }, { engines })).start();
