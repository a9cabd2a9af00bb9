import type { CaptureInput } from '../lifecycle/lifecycle-settings.ts';
import type { ErrorClassifier } from '../lifecycle/outcome.ts';
import { type EnginesOptions, problemOfEngines } from './engine-options.ts';

/** Options of {@link PipelineInstrumentation}. */
export interface PipelineInstrumentationConfig {
  /** @default true */
  readonly enabled?: boolean;
  /** Edges in seconds added to the buckets of the duration histogram, so that a percentile at an SLO is exact. */
  readonly slo?: readonly number[] | undefined;
  /** Names of one kind, and error types, that metrics tell apart; the rest are `_other`. @default 200 */
  readonly maxNames?: number | undefined;
  /** The outcome of an execution that threw; undefined leaves it to the built-in rules. May throw without harm. */
  readonly classifyError?: ErrorClassifier | undefined;
  /**
   * `true` keeps inputs and outputs as bounded JSON, `'hash'` a hash of the input. Payloads may hold personal data.
   * @default false
   */
  readonly captureInput?: CaptureInput | undefined;
  /** Semantic conventions to emit beside our own names. @default [] */
  readonly semconv?: readonly 'cicd'[] | undefined;
  /** Which engines are instrumented, and how. @default those that are installed */
  readonly engines?: EnginesOptions | undefined;
}

interface Rule {
  readonly expected: string;
  readonly accepts: (value: unknown) => boolean;
}

const RULES: Readonly<Record<keyof PipelineInstrumentationConfig, Rule>> = {
  enabled: { expected: 'true or false', accepts: (value) => typeof value === 'boolean' },
  slo: { expected: 'a list of positive numbers of seconds', accepts: (value) => isListOf(value, isPositive) },
  maxNames: {
    expected: 'a whole number of at least 1',
    accepts: (value) => Number.isInteger(value) && isPositive(value),
  },
  classifyError: { expected: 'a function', accepts: (value) => typeof value === 'function' },
  captureInput: {
    expected: "true, false or 'hash'",
    accepts: (value) => typeof value === 'boolean' || value === 'hash',
  },
  semconv: { expected: "a list of 'cicd'", accepts: (value) => isListOf(value, (each) => each === 'cicd') },
  engines: { expected: '', accepts: () => true },
};

/** Throws a TypeError that names expectation and value for what can not work, and for options that do not exist. */
export function checkInstrumentationConfig(config: PipelineInstrumentationConfig): void {
  for (const [key, value] of Object.entries(config)) {
    if (!Object.hasOwn(RULES, key)) {
      throw new TypeError(
        `unknown option "${key}" of PipelineInstrumentation; there are ${Object.keys(RULES).join(', ')}`,
      );
    }
    if (value === undefined) continue;
    const problem = key === 'engines' ? problemOfEngines(value) : undefined;
    if (problem !== undefined) throw new TypeError(problem);
    const rule = RULES[key as keyof PipelineInstrumentationConfig];
    if (!rule.accepts(value)) throw new TypeError(`${key} must be ${rule.expected}, got ${show(value)}`);
  }
}

function isListOf(value: unknown, accepts: (each: unknown) => boolean): boolean {
  return Array.isArray(value) && value.every(accepts);
}

function isPositive(value: unknown): boolean {
  return typeof value === 'number' && Number.isFinite(value) && value > 0;
}

function show(value: unknown): string {
  return typeof value === 'function' ? 'a function' : (JSON.stringify(value) ?? String(value));
}
