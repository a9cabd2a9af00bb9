import { diag } from '@opentelemetry/api';

/** An `OTEL_*` variable; blank counts as unset, as the specification has it. */
export function otelString(name: string): string | undefined {
  const value = process.env[name]?.trim();
  return value === '' ? undefined : value;
}

/** A comma-separated `OTEL_*` variable, without blanks and repetitions. */
export function otelList(name: string): readonly string[] {
  const parts = (otelString(name) ?? '').split(',').map((part) => part.trim());
  return [...new Set(parts.filter((part) => part !== ''))];
}

/** A numeric `OTEL_*` variable; what is no number counts as unset. */
export function otelNumber(name: string): number | undefined {
  const text = otelString(name);
  if (text === undefined) return undefined;
  const value = Number(text);
  if (!Number.isNaN(value)) return value;
  diag.warn(`${name} (${text}) is invalid, expected a number, using the default.`);
  return undefined;
}

/** A numeric `OTEL_*` variable that must be above 0. */
export function otelPositiveNumber(name: string): number | undefined {
  const value = otelNumber(name);
  if (value === undefined || value > 0) return value;
  diag.warn(`${name} (${value}) is invalid, expected number greater than 0, using default.`);
  return undefined;
}

/** A boolean `OTEL_*` variable: `true` in any case, and nothing else. */
export function otelBoolean(name: string): boolean {
  return otelString(name)?.toLowerCase() === 'true';
}

/** The protocol of one signal's OTLP exporter. */
export function otlpProtocol(signal: 'TRACES' | 'METRICS' | 'LOGS'): 'grpc' | 'http/json' | 'http/protobuf' {
  const protocol =
    otelString(`OTEL_EXPORTER_OTLP_${signal}_PROTOCOL`) ??
    otelString('OTEL_EXPORTER_OTLP_PROTOCOL') ??
    'http/protobuf';
  if (protocol === 'grpc' || protocol === 'http/json' || protocol === 'http/protobuf') return protocol;
  diag.warn(`Unsupported OTLP ${signal.toLowerCase()} protocol: "${protocol}". Using http/protobuf.`);
  return 'http/protobuf';
}

/** Whether the environment says where a signal goes. The SDK's own default is a collector on this machine. */
export function namesDestination(signal: 'TRACES' | 'METRICS' | 'LOGS'): boolean {
  return (
    otelString(`OTEL_${signal}_EXPORTER`) !== undefined ||
    otelString('OTEL_EXPORTER_OTLP_ENDPOINT') !== undefined ||
    otelString(`OTEL_EXPORTER_OTLP_${signal}_ENDPOINT`) !== undefined
  );
}
