import { createRequire } from 'node:module';
import { logGuarded } from '../export/guarded-log.ts';
import { requireFromSdkNode, resolveFromApplication } from '../instrumentation/sdk-packages.ts';
import type { MetricReaderShape } from './environment-metric-readers.ts';

interface PrometheusModule {
  readonly PrometheusExporter: new (
    config: { readonly host: string; readonly port: number },
    started: (error?: unknown) => void,
  ) => MetricReaderShape;
}

const PACKAGE = '@opentelemetry/exporter-prometheus';

/**
 * A metric reader that serves `/metrics`. The server never keeps the process alive, and a port that is taken is
 * a warning: the application goes on without the endpoint. Undefined where the exporter is not installed.
 */
export function prometheusReader(address: {
  readonly host: string;
  readonly port: number;
}): MetricReaderShape | undefined {
  const module = loadPrometheus();
  if (module === undefined) {
    logGuarded(
      'warn',
      () => `metrics are not served, since ${PACKAGE} is not installed (npm install ${PACKAGE})`,
    );
    return undefined;
  }
  return new module.PrometheusExporter(address, (error) => {
    if (error === undefined) return;
    logGuarded('warn', () => `metrics are not served on ${address.host}:${address.port}: ${error}`);
  });
}

/** The application's own exporter, or the one sdk-node brings. */
function loadPrometheus(): PrometheusModule | undefined {
  const own = resolveFromApplication(PACKAGE);
  try {
    const require = own === undefined ? requireFromSdkNode() : createRequire(own);
    return require?.(own ?? PACKAGE) as PrometheusModule | undefined;
  } catch {
    return undefined;
  }
}
