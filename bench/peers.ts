import { BatchSpanProcessor, type SpanExporter, type SpanProcessor } from '@opentelemetry/sdk-trace';
import type { RecordStore } from 'runledger';

/** What the SDK itself does with spans, with an exporter that does nothing. */
export function batchSpanProcessor(): SpanProcessor {
  const exporter: SpanExporter = {
    export: (_spans, done) => done({ code: 0 }),
    shutdown: async () => undefined,
  };
  return new BatchSpanProcessor({ exporter, maxQueueSize: 65_536 });
}

/** A store that does nothing. */
export const DISCARDING: RecordStore = {
  name: 'discard',
  init: async () => undefined,
  write: async () => undefined,
  quarantine: async () => undefined,
  prune: async () => ({ removedByAge: 0, removedBySize: 0, bytesBefore: 0, bytesAfter: 0 }),
  close: async () => undefined,
};
