import type { MeterProvider, TracerProvider } from '@opentelemetry/api';
import type { ErrorClassifier } from './outcome.ts';

/** What {@link LifecycleSettings.captureInput} may say. */
export type CaptureInput = boolean | 'hash';

/** How lifecycle calls become spans and metrics. One set for the process, written by the instrumentation. */
export interface LifecycleSettings {
  /** Overrides the built-in mapping from errors to outcomes. */
  readonly classifyError?: ErrorClassifier;
  /** `true` keeps inputs and outputs as bounded JSON with a hash, `'hash'` the hash of the input alone. */
  readonly captureInput: CaptureInput;
  /** Whether the names of the CI/CD semantic conventions are emitted beside our own. */
  readonly cicd: boolean;
  /** Edges in seconds added to the buckets of the duration histogram. */
  readonly slo: readonly number[];
  /** Names of one kind that metrics tell apart; the rest are `_other`. */
  readonly maxNames: number;
  /** Used instead of the global provider where set. */
  readonly tracerProvider?: TracerProvider;
  readonly meterProvider?: MeterProvider;
}

export const DEFAULT_SETTINGS: LifecycleSettings = {
  captureInput: false,
  cicd: false,
  slo: [],
  maxNames: 200,
};

let current: LifecycleSettings = DEFAULT_SETTINGS;

/** The settings in force. The object is replaced, never changed, so its identity tells whether they are the same. */
export function lifecycleSettings(): LifecycleSettings {
  return current;
}

export function changeLifecycleSettings(settings: LifecycleSettings): void {
  current = settings;
}
