import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { json } from 'node:stream/consumers';

/** A collector on this machine that keeps what it is sent, as OTLP JSON. */
export interface OtlpReceiver {
  /** Value for `OTEL_EXPORTER_OTLP_ENDPOINT`. */
  readonly endpoint: string;
  /** Names of the spans received so far. */
  readonly spanNames: readonly string[];
  /** Names of the metrics received so far. */
  readonly metricNames: readonly string[];
  /** How many log records were received so far. */
  readonly logRecords: number;
  close(): Promise<void>;
}

interface OtlpBody {
  readonly resourceSpans?: readonly { scopeSpans: readonly { spans: readonly { name: string }[] }[] }[];
  readonly resourceMetrics?: readonly { scopeMetrics: readonly { metrics: readonly { name: string }[] }[] }[];
  readonly resourceLogs?: readonly { scopeLogs: readonly { logRecords: readonly object[] }[] }[];
}

export async function startOtlpReceiver(): Promise<OtlpReceiver> {
  const spanNames: string[] = [];
  const metricNames: string[] = [];
  let logRecords = 0;
  const server = createServer(async (request, response) => {
    const body = (await json(request)) as OtlpBody;
    for (const { scopeSpans } of body.resourceSpans ?? []) {
      for (const { spans } of scopeSpans) spanNames.push(...spans.map(({ name }) => name));
    }
    for (const { scopeMetrics } of body.resourceMetrics ?? []) {
      for (const { metrics } of scopeMetrics) metricNames.push(...metrics.map(({ name }) => name));
    }
    for (const { scopeLogs } of body.resourceLogs ?? []) {
      for (const { logRecords: received } of scopeLogs) logRecords += received.length;
    }
    response.setHeader('content-type', 'application/json').end('{}');
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    spanNames,
    metricNames,
    get logRecords() {
      return logRecords;
    },
    close: () => {
      server.closeAllConnections();
      return new Promise((resolve) => server.close(() => resolve()));
    },
  };
}
