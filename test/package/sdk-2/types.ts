// Compiles where what the package exports fits the types of the SDK 2.x line.
import type { Instrumentation } from '@opentelemetry/instrumentation';
import { NodeSDK, type NodeSDKConfiguration } from '@opentelemetry/sdk-node';
import {
  AlwaysOnSampler,
  InMemorySpanExporter,
  type Sampler,
  SimpleSpanProcessor,
  type SpanProcessor,
} from '@opentelemetry/sdk-trace-base';
import {
  BatchRecordExporter,
  createRunledger,
  ExceptionLogProcessor,
  ExecutionSpanProcessor,
  MemoryRecordStore,
  PipelineInstrumentation,
  recordExecutions,
  withRunledger,
} from 'runledger';

const exporter = new BatchRecordExporter(new MemoryRecordStore());
export const processor: SpanProcessor = new ExecutionSpanProcessor({ exporter });
export const sampler: Sampler = recordExecutions(new AlwaysOnSampler());
export const instrumentation: Instrumentation = new PipelineInstrumentation();

export const alone: Partial<NodeSDKConfiguration> = withRunledger({});
export const composed: Partial<NodeSDKConfiguration> = withRunledger({
  serviceName: 'fixture',
  sampler: new AlwaysOnSampler(),
  spanProcessors: [new SimpleSpanProcessor(new InMemorySpanExporter())],
  instrumentations: [instrumentation],
});
export const given = (configuration: Partial<NodeSDKConfiguration>): NodeSDK =>
  new NodeSDK(withRunledger(configuration, { keep: { rate: 0.1 } }));

const ledger = createRunledger({ store: 'memory:' });
export const byHand: Partial<NodeSDKConfiguration> = {
  spanProcessors: [ledger.spanProcessor],
  logRecordProcessors: [ledger.logRecordProcessor, new ExceptionLogProcessor()],
  sampler: ledger.sampler(new AlwaysOnSampler()),
  instrumentations: [ledger.instrumentation],
};
