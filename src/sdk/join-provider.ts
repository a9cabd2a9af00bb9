import type { SamplerShape } from '../processor/record-sampler.ts';
import type { SpanProcessorShape } from '../records/ended-span.ts';

/** How far a running provider could be joined. */
export type Joined = 'whole' | 'sampled spans only' | 'not at all';

interface HasProcessors {
  _spanProcessors: readonly unknown[];
}

interface HasSampler {
  sampler: SamplerShape;
}

/**
 * Adds a span processor and a sampler to a tracer provider that already runs. Neither SDK line has a way to do that,
 * so it works on the fields both keep: looked at first, changed only where they look as expected, and never throwing.
 */
export function joinTracerProvider(
  provider: unknown,
  processor: SpanProcessorShape,
  wrap: (sampler: SamplerShape) => SamplerShape,
): Joined {
  const multi = field(provider, '_activeSpanProcessor');
  if (!hasProcessors(multi)) return 'not at all';
  // A new array: the one that is there may be the application's own.
  multi._spanProcessors = [...multi._spanProcessors, processor];
  const options = [field(provider, '_tracerOptions'), field(provider, '_config')].find(hasSampler);
  if (options === undefined) return 'sampled spans only';
  const sampler = wrap(options.sampler);
  for (const tracer of tracersOf(provider)) {
    if (tracer._sampler === options.sampler) tracer._sampler = sampler;
  }
  options.sampler = sampler;
  return 'whole';
}

/** Tracers handed out before keep the sampler they were made with. */
function tracersOf(provider: unknown): Iterable<{ _sampler?: unknown }> {
  const tracers = field(provider, '_tracers');
  return tracers instanceof Map ? tracers.values() : [];
}

function hasProcessors(value: unknown): value is HasProcessors {
  return Array.isArray(field(value, '_spanProcessors'));
}

function hasSampler(value: unknown): value is HasSampler {
  return typeof field(field(value, 'sampler'), 'shouldSample') === 'function';
}

function field(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>)[name] : undefined;
}
