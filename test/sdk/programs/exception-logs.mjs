import { createRequire } from 'node:module';
import { SpanStatusCode, trace } from '@opentelemetry/api';
import { NodeSDK } from '@opentelemetry/sdk-node';
import { withRunledger } from 'runledger';

// A library whose exceptions are log records: its step knows no error object. The logs API is a package of its own on
// the 2.x line.
const require = createRequire(createRequire(import.meta.url).resolve('@opentelemetry/sdk-node'));
const seen = [];
const own = {
  onEmit: (record) => seen.push(record.attributes['exception.message']),
  forceFlush: async () => {},
  shutdown: async () => {},
};
const configuration = process.argv[2] === 'processors' ? { logRecordProcessors: [own] } : {};
const sdk = new NodeSDK(withRunledger(configuration));
sdk.start();

const attributes = { 'runledger.kind': 'step', 'runledger.step.name': 'load' };
trace.getTracer('library').startActiveSpan('step load', { attributes }, (span) => {
  const logger = logsApi().getLogger('library');
  logger.emit({
    attributes: { 'exception.type': 'TypeError', 'exception.message': 'rows is undefined' },
  });
  span.setStatus({ code: SpanStatusCode.ERROR });
  span.end();
});
await sdk.shutdown();
process.stdout.write(JSON.stringify({ seen }));

function logsApi() {
  const { logs } = require('@opentelemetry/api');
  return logs ?? require('@opentelemetry/api-logs').logs;
}
