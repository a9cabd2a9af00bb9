import { NodeSDK } from '@opentelemetry/sdk-node';
import { withRunledger } from 'runledger';

const PORT = Number(process.env.RUNLEDGER_PROMETHEUS_PORT ?? 9464);

export const METRICS_URL = `http://127.0.0.1:${PORT}/metrics`;

/** Sets OpenTelemetry up as any application does; `withRunledger` is all it takes to have the ledger too. */
export function startTelemetry(): NodeSDK {
  // Without a collector to send to, the SDK would look for one on this machine.
  if (process.env.OTEL_EXPORTER_OTLP_ENDPOINT === undefined) {
    process.env.OTEL_TRACES_EXPORTER ??= 'none';
    process.env.OTEL_METRICS_EXPORTER ??= 'none';
    process.env.OTEL_LOGS_EXPORTER ??= 'none';
  }
  const sdk = new NodeSDK(withRunledger({ serviceName: 'nightly-climate' }, { prometheus: { port: PORT } }));
  sdk.start();
  return sdk;
}

/** What Prometheus would read now; undefined where the port belongs to somebody else. */
export async function readOwnMetrics(): Promise<string | undefined> {
  const response = await fetch(METRICS_URL).catch(() => undefined);
  const text = await response?.text();
  return text?.includes('weather-import') ? text : undefined;
}
