import { createNoopMeter, type Meter, type MeterProvider } from '@opentelemetry/api';
import type { PipelineInstrumentationConfig } from '../instrumentation/instrumentation-config.ts';
import { PipelineInstrumentation } from '../instrumentation/pipeline-instrumentation.ts';
import { SCOPE_NAME } from '../semconv.ts';
import { VERSION } from '../version.ts';

/**
 * The pipeline instrumentation of a ledger. An SDK hands its meter provider to instrumentations and to nobody else,
 * so this is where the ledger's own metrics are registered: once for each provider, and not before there is one.
 */
export class LedgerInstrumentation extends PipelineInstrumentation {
  readonly #registerMetrics: (meter: Meter) => void;
  readonly #measured = new WeakSet<MeterProvider>();

  constructor(config: PipelineInstrumentationConfig, registerMetrics: (meter: Meter) => void) {
    super(config);
    this.#registerMetrics = registerMetrics;
  }

  override setMeterProvider(provider: MeterProvider): void {
    const meter = provider.getMeter(SCOPE_NAME, VERSION);
    if (isNoop(meter)) return;
    super.setMeterProvider(provider);
    if (this.#measured.has(provider)) return;
    this.#measured.add(provider);
    this.#registerMetrics(meter);
  }
}

/**
 * Whether a meter is what the API hands out until an SDK is registered. By its name too: the API is there twice where
 * it is both imported and required.
 */
function isNoop(meter: Meter): boolean {
  return meter === createNoopMeter() || meter.constructor.name === 'NoopMeter';
}
