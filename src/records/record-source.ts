import type { EndedSpan } from './ended-span.ts';
import type { RecordSource } from './execution-record.ts';

// Resource attributes, as the OpenTelemetry semantic conventions define them.
const ATTR_SERVICE_NAME = 'service.name';
const ATTR_SERVICE_VERSION = 'service.version';
const ATTR_SERVICE_INSTANCE_ID = 'service.instance.id';
const ATTR_HOST_NAME = 'host.name';

type SpanResource = EndedSpan['resource'];

/** A resource of the SDK whose detectors may still be at work. */
interface PendingResource {
  readonly attributes: Readonly<Record<string, unknown>>;
  readonly asyncAttributesPending?: boolean;
  getRawAttributes?(): readonly (readonly [string, unknown])[];
}

const sources = new WeakMap<SpanResource, RecordSource>();

/** Who writes the records of spans with this resource. Made once for each resource. */
export function sourceOf(resource: SpanResource): RecordSource {
  const known = sources.get(resource);
  if (known !== undefined) return known;
  const source = sourceFromAttributes(attributesOf(resource));
  sources.set(resource, source);
  return source;
}

function sourceFromAttributes(attributes: Readonly<Record<string, unknown>>): RecordSource {
  const version = text(attributes[ATTR_SERVICE_VERSION]);
  const serviceInstanceId = text(attributes[ATTR_SERVICE_INSTANCE_ID]);
  return {
    serviceName: text(attributes[ATTR_SERVICE_NAME]) ?? 'unknown_service',
    ...(version === undefined ? {} : { serviceVersion: version }),
    ...(serviceInstanceId === undefined ? {} : { serviceInstanceId }),
    host: text(attributes[ATTR_HOST_NAME]) ?? process.getBuiltinModule('node:os').hostname(),
    pid: process.pid,
  };
}

/** Reading `attributes` while detectors are at work makes the SDK log an error; what is known is read without it. */
function attributesOf(resource: SpanResource): Readonly<Record<string, unknown>> {
  const pending: PendingResource = resource;
  if (pending.asyncAttributesPending !== true || pending.getRawAttributes === undefined)
    return resource.attributes;
  const known: Record<string, unknown> = Object.create(null);
  // The SDK lets the first value of a key win.
  for (const [key, value] of pending.getRawAttributes()) known[key] ??= value;
  return known;
}

function text(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined;
}
