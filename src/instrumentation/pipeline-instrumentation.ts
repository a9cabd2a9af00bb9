import { type MeterProvider, metrics, type TracerProvider, trace } from '@opentelemetry/api';
import { subscribePipelineChannels } from '../lifecycle/channels.ts';
import {
  changeLifecycleSettings,
  DEFAULT_SETTINGS,
  type LifecycleSettings,
  lifecycleSettings,
} from '../lifecycle/lifecycle-settings.ts';
import { neverThrow } from '../lifecycle/never-throw.ts';
import { SCOPE_NAME } from '../semconv.ts';
import { VERSION } from '../version.ts';
import { type EngineHook, engineHooks, hookEngines } from './engine-hooks.ts';
import { releaseEngines, switchEngines } from './engine-switches.ts';
import { checkInstrumentationConfig, type PipelineInstrumentationConfig } from './instrumentation-config.ts';

/** The configuration in force, which says of itself whether it is. */
type EnabledConfig = PipelineInstrumentationConfig & { readonly enabled: boolean };

/**
 * What the OpenTelemetry SDK registers: `new NodeSDK({ instrumentations: [new PipelineInstrumentation()] })`. It
 * listens to the pipeline channels, instruments engines when they are loaded, and says how executions are emitted. It
 * has the shape of `Instrumentation` of both SDK lines and imports neither.
 *
 * The configuration holds for the process: `runPipeline` and its like work without any instrumentation, with the
 * defaults, and the instrumentation enabled last decides.
 */
export class PipelineInstrumentation {
  readonly instrumentationName: string = SCOPE_NAME;
  readonly instrumentationVersion: string = VERSION;
  #config: EnabledConfig = { enabled: true };
  #tracerProvider: TracerProvider | undefined;
  #meterProvider: MeterProvider | undefined;
  #unsubscribe: (() => void) | undefined;
  #settings: LifecycleSettings | undefined;

  /** Throws a TypeError for an option that can not work. Enables itself unless told not to. */
  constructor(config: PipelineInstrumentationConfig = {}) {
    this.setConfig(config);
    if (this.#config.enabled) this.enable();
  }

  enable(): void {
    this.#unsubscribe ??= subscribePipelineChannels();
    this.#apply();
  }

  /** Stops listening and gives up the configuration. Executions that code starts itself are still emitted. */
  disable(): void {
    this.#unsubscribe?.();
    this.#unsubscribe = undefined;
    releaseEngines(this);
    if (lifecycleSettings() === this.#settings) changeLifecycleSettings(DEFAULT_SETTINGS);
    this.#settings = undefined;
  }

  /** Replaces the configuration; what is not given returns to its default. */
  setConfig(config: PipelineInstrumentationConfig): void {
    checkInstrumentationConfig(config);
    this.#config = { ...config, enabled: config.enabled ?? true };
    if (this.#unsubscribe !== undefined) this.#apply();
  }

  /** What is done about each engine: whether it is instrumented when it is loaded, and why not. Never rejects. */
  engineHooks(): Promise<readonly EngineHook[]> {
    return engineHooks(this.#config.engines ?? {});
  }

  /** The configuration as it was given, with `enabled`. */
  getConfig(): EnabledConfig {
    return this.#config;
  }

  /** A provider other than the global one. The global one is followed in any case, also when it is set later. */
  setTracerProvider(provider: TracerProvider): void {
    this.#tracerProvider = provider === trace.getTracerProvider() ? undefined : provider;
    if (this.#unsubscribe !== undefined) this.#apply();
  }

  /** A provider other than the global one. The global one is followed in any case, also when it is set later. */
  setMeterProvider(provider: MeterProvider): void {
    this.#meterProvider = provider === metrics.getMeterProvider() ? undefined : provider;
    if (this.#unsubscribe !== undefined) this.#apply();
  }

  #apply(): void {
    const { classifyError, captureInput, slo, maxNames, semconv, engines = {} } = this.#config;
    switchEngines(this, engines);
    neverThrow('engines', () => hookEngines(engines));
    this.#settings = {
      captureInput: captureInput ?? DEFAULT_SETTINGS.captureInput,
      cicd: semconv?.includes('cicd') ?? DEFAULT_SETTINGS.cicd,
      slo: slo ?? DEFAULT_SETTINGS.slo,
      maxNames: maxNames ?? DEFAULT_SETTINGS.maxNames,
      ...(classifyError !== undefined && { classifyError }),
      ...(this.#tracerProvider !== undefined && { tracerProvider: this.#tracerProvider }),
      ...(this.#meterProvider !== undefined && { meterProvider: this.#meterProvider }),
    };
    changeLifecycleSettings(this.#settings);
  }
}
