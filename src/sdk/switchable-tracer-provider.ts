import type { Context, Span, SpanOptions, Tracer, TracerOptions, TracerProvider } from '@opentelemetry/api';

/**
 * Hands out tracers that can be pointed at another provider later. Tracers are kept for good by those who asked for
 * them: without this, a tracer taken before the application's own SDK starts would never reach that SDK.
 */
export class SwitchableTracerProvider implements TracerProvider {
  target: TracerProvider;

  constructor(target: TracerProvider) {
    this.target = target;
  }

  getTracer(name: string, version?: string, options?: TracerOptions): Tracer {
    return new SwitchableTracer(this, (provider) => provider.getTracer(name, version, options));
  }

  /** No part of the API, and yet called on the global provider's delegate by those who are about to be frozen, as functions are. */
  async forceFlush(): Promise<void> {
    await (this.target as { forceFlush?: () => Promise<void> }).forceFlush?.();
  }
}

class SwitchableTracer implements Tracer {
  readonly #provider: SwitchableTracerProvider;
  readonly #tracerOf: (provider: TracerProvider) => Tracer;
  #target: TracerProvider | undefined;
  #tracer: Tracer | undefined;

  constructor(provider: SwitchableTracerProvider, tracerOf: (provider: TracerProvider) => Tracer) {
    this.#provider = provider;
    this.#tracerOf = tracerOf;
  }

  startSpan(name: string, options?: SpanOptions, context?: Context): Span {
    return this.#current().startSpan(name, options, context);
  }

  startActiveSpan(...parameters: [name: string, ...rest: unknown[]]): never {
    // The overloads are the target's own: what came in goes on as it is.
    const start = this.#current().startActiveSpan as (...parameters: unknown[]) => never;
    return start.apply(this.#tracer, parameters);
  }

  #current(): Tracer {
    const { target } = this.#provider;
    if (this.#tracer === undefined || this.#target !== target) {
      this.#tracer = this.#tracerOf(target);
      this.#target = target;
    }
    return this.#tracer;
  }
}
