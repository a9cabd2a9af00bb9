import {
  type Attributes,
  type Context,
  type Counter,
  createNoopMeter,
  type Histogram,
  type MeterProvider,
  metrics,
} from '@opentelemetry/api';
import { isFailed, type Outcome, type RejectionReason } from '../execution.ts';
import {
  ATTR_INTERRUPT_KIND,
  ATTR_NAME,
  ATTR_OUTCOME,
  ATTR_PIPELINE_NAME,
  ATTR_REASON,
  ATTR_TOKEN_TYPE,
  DURATION_BUCKETS,
  METRIC_COST_TOKENS,
  METRIC_COST_USD,
  METRIC_EXECUTION_DURATION,
  METRIC_INTERRUPT_DURATION,
  METRIC_REJECTIONS,
  METRIC_RETRIES,
  METRIC_RUN_LAST_SUCCESS,
  METRIC_RUN_WAIT,
  SCOPE_NAME,
} from '../semconv.ts';
import { VERSION } from '../version.ts';
import { CicdMetrics } from './cicd-semconv.ts';
import { type LifecycleSettings, lifecycleSettings } from './lifecycle-settings.ts';
import { type MetricIdentity, MetricSeries } from './metric-series.ts';
import { neverThrow } from './never-throw.ts';
import { report } from './report.ts';

/** The kinds of tokens a cost is made of; the first two are values of `gen_ai.token.type`. */
export type TokenType = 'input' | 'output' | 'cache_read' | 'cache_write';

/** How a report names what was ignored. */
const METRIC = 'a measurement of an execution';

let provider: MeterProvider | undefined;
let settings: LifecycleSettings | undefined;
let active: PipelineMetrics | undefined;

/**
 * The metrics of the SDK that is registered now, or undefined where none is. The API's meter does not become real
 * when an SDK is registered later, so the provider is looked at each time.
 */
export function activeMetrics(): PipelineMetrics | undefined {
  const currentSettings = lifecycleSettings();
  const current = currentSettings.meterProvider ?? metrics.getMeterProvider();
  if (current === provider && currentSettings === settings) return active;
  provider = current;
  settings = currentSettings;
  active = createMetrics(current, currentSettings);
  return active;
}

function createMetrics(from: MeterProvider, with_: LifecycleSettings): PipelineMetrics | undefined {
  try {
    const meter = from.getMeter(SCOPE_NAME, VERSION);
    return meter === createNoopMeter() ? undefined : new PipelineMetrics(from, with_);
  } catch (error) {
    report('error', 'the meter provider threw; there are no metrics of executions', error);
    return undefined;
  }
}

/**
 * Metrics of executions: every one is counted, sampled or not. On the hot path one histogram record, whose count is
 * the number of executions; attribute objects are made once a series. What a view of the application throws while it
 * is asked ends here.
 */
export class PipelineMetrics {
  readonly #series: MetricSeries;
  readonly #duration: Histogram;
  readonly #wait: Histogram;
  readonly #interrupt: Histogram;
  readonly #retries: Counter;
  readonly #rejections: Counter;
  readonly #costUsd: Counter;
  readonly #costTokens: Counter;
  readonly #lastSuccess = new Map<string, number>();
  readonly #cicd: CicdMetrics | undefined;

  constructor(from: MeterProvider, { slo, maxNames, cicd }: LifecycleSettings) {
    const meter = from.getMeter(SCOPE_NAME, VERSION);
    const explicitBucketBoundaries = [...new Set([...DURATION_BUCKETS, ...slo])].sort((a, b) => a - b);
    const seconds = { unit: 's', advice: { explicitBucketBoundaries } };
    this.#series = new MetricSeries(maxNames);
    this.#duration = meter.createHistogram(METRIC_EXECUTION_DURATION, {
      ...seconds,
      description: 'Time executions worked, from start to end, without the time they were suspended.',
    });
    this.#wait = meter.createHistogram(METRIC_RUN_WAIT, {
      ...seconds,
      description: 'Time between work being due and being started.',
    });
    this.#interrupt = meter.createHistogram(METRIC_INTERRUPT_DURATION, {
      ...seconds,
      description: 'Time between an interrupt and its resume.',
    });
    this.#retries = meter.createCounter(METRIC_RETRIES, {
      unit: '{attempt}',
      description: 'Attempts after the first.',
    });
    this.#rejections = meter.createCounter(METRIC_REJECTIONS, {
      unit: '{execution}',
      description: 'Executions that were not admitted.',
    });
    this.#costUsd = meter.createCounter(METRIC_COST_USD, {
      unit: '{USD}',
      description: 'What executions say they cost.',
    });
    this.#costTokens = meter.createCounter(METRIC_COST_TOKENS, {
      unit: '{token}',
      description: 'Model tokens executions say they used.',
    });
    this.#cicd = cicd ? new CicdMetrics(meter, explicitBucketBoundaries) : undefined;
    meter
      .createObservableGauge(METRIC_RUN_LAST_SUCCESS, {
        unit: 's',
        description: 'Unix time at which a pipeline last ended in success.',
      })
      .addCallback((result) => {
        for (const [pipeline, at] of this.#lastSuccess)
          result.observe(at, { [ATTR_PIPELINE_NAME]: pipeline });
      });
  }

  started(execution: MetricIdentity, waitMs: number | undefined, attempt: number): void {
    neverThrow(METRIC, () => {
      if (waitMs !== undefined) this.#wait.record(waitMs / 1_000, this.#series.identity(execution));
      if (execution.kind === 'pipeline') this.#cicd?.started(this.#nameOf(execution));
    });
    if (attempt > 1) this.retried(execution);
  }

  ended(
    execution: MetricIdentity,
    seconds: number,
    outcome: Outcome,
    errorType: string | undefined,
    at: Context,
  ): void {
    const type = isFailed(outcome) ? errorType : undefined;
    // No closure here: this is the one metric every step pays for.
    try {
      this.#duration.record(seconds, this.#series.ended(execution, outcome, type), at);
    } catch (error) {
      report('warn', 'the duration of an execution was ignored', error);
    }
    if (execution.kind === 'pipeline') {
      neverThrow(METRIC, () => this.#pipelineEnded(execution, seconds, outcome, type));
    }
  }

  #pipelineEnded(
    execution: MetricIdentity,
    seconds: number,
    outcome: Outcome,
    type: string | undefined,
  ): void {
    const name = this.#nameOf(execution);
    if (outcome === 'success') this.#lastSuccess.set(name, Date.now() / 1_000);
    this.#cicd?.ended(name, seconds, outcome, this.#series.errorType(type));
  }

  retried(execution: MetricIdentity): void {
    neverThrow(METRIC, () => this.#retries.add(1, this.#series.identity(execution)));
  }

  rejected(execution: MetricIdentity, reason: RejectionReason): void {
    neverThrow(METRIC, () =>
      this.#rejections.add(1, { ...this.#series.identity(execution), [ATTR_REASON]: reason }),
    );
  }

  interruptEnded(kind: string, outcome: 'resumed' | 'rejected' | 'expired', ms: number): void {
    const attributes: Attributes = {
      [ATTR_INTERRUPT_KIND]: this.#series.interruptKind(kind),
      [ATTR_OUTCOME]: outcome,
    };
    neverThrow(METRIC, () => this.#interrupt.record(Math.max(0, ms) / 1_000, attributes));
  }

  spent(execution: MetricIdentity, usd: number): void {
    neverThrow(METRIC, () => this.#costUsd.add(usd, this.#series.identity(execution)));
  }

  tokens(execution: MetricIdentity, type: TokenType, count: number): void {
    neverThrow(METRIC, () =>
      this.#costTokens.add(count, { ...this.#series.identity(execution), [ATTR_TOKEN_TYPE]: type }),
    );
  }

  #nameOf(execution: MetricIdentity): string {
    return this.#series.identity(execution)[ATTR_NAME] as string;
  }
}
