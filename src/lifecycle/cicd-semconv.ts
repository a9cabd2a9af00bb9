import type { Attributes, Counter, Histogram, Meter, UpDownCounter } from '@opentelemetry/api';
import { type ExecutionKind, isFailed, type Outcome } from '../execution.ts';
import { ERROR_TYPE_OTHER } from '../semconv.ts';

// OpenTelemetry semantic conventions 1.45, CI/CD, release candidate: copied, as the conventions advise.
const ATTR_CICD_PIPELINE_NAME = 'cicd.pipeline.name';
const ATTR_CICD_PIPELINE_RUN_ID = 'cicd.pipeline.run.id';
const ATTR_CICD_PIPELINE_RUN_STATE = 'cicd.pipeline.run.state';
const ATTR_CICD_PIPELINE_RESULT = 'cicd.pipeline.result';
const ATTR_CICD_TASK_NAME = 'cicd.pipeline.task.name';
const ATTR_CICD_TASK_RESULT = 'cicd.pipeline.task.run.result';
const METRIC_CICD_RUN_DURATION = 'cicd.pipeline.run.duration';
const METRIC_CICD_RUN_ACTIVE = 'cicd.pipeline.run.active';
const METRIC_CICD_RUN_ERRORS = 'cicd.pipeline.run.errors';

/** What a starting execution is called in the CI/CD conventions. */
export function cicdStartAttributes(
  kind: ExecutionKind,
  name: string,
  runId: string | undefined,
): Attributes {
  if (kind !== 'pipeline') return { [ATTR_CICD_TASK_NAME]: name };
  return {
    [ATTR_CICD_PIPELINE_NAME]: name,
    ...(runId !== undefined && { [ATTR_CICD_PIPELINE_RUN_ID]: runId }),
  };
}

/** How an execution ended in the CI/CD conventions. */
export function cicdEndAttributes(kind: ExecutionKind, outcome: Outcome): Attributes {
  const key = kind === 'pipeline' ? ATTR_CICD_PIPELINE_RESULT : ATTR_CICD_TASK_RESULT;
  return { [key]: cicdResult(outcome) };
}

/** The conventions know no rejection; a precondition that was not met is their `skip`. */
function cicdResult(outcome: Outcome): string {
  return outcome === 'rejection' ? 'skip' : outcome;
}

/** The run metrics of the CI/CD conventions, beside our own. */
export class CicdMetrics {
  readonly #duration: Histogram;
  readonly #active: UpDownCounter;
  readonly #errors: Counter;

  constructor(meter: Meter, explicitBucketBoundaries: number[]) {
    this.#duration = meter.createHistogram(METRIC_CICD_RUN_DURATION, {
      unit: 's',
      description: 'Duration of a pipeline run grouped by pipeline, state and result.',
      advice: { explicitBucketBoundaries },
    });
    this.#active = meter.createUpDownCounter(METRIC_CICD_RUN_ACTIVE, {
      unit: '{run}',
      description: 'The number of pipeline runs currently active in the system by state.',
    });
    this.#errors = meter.createCounter(METRIC_CICD_RUN_ERRORS, {
      unit: '{error}',
      description: 'The number of errors encountered in pipeline runs (eg. compile, test failures).',
    });
  }

  started(name: string): void {
    this.#active.add(1, executing(name));
  }

  ended(name: string, seconds: number, outcome: Outcome, errorType: string | undefined): void {
    const type = isFailed(outcome) ? (errorType ?? ERROR_TYPE_OTHER) : undefined;
    this.#active.add(-1, executing(name));
    this.#duration.record(seconds, {
      ...executing(name),
      [ATTR_CICD_PIPELINE_RESULT]: cicdResult(outcome),
      ...(type !== undefined && { 'error.type': type }),
    });
    if (type !== undefined) this.#errors.add(1, { [ATTR_CICD_PIPELINE_NAME]: name, 'error.type': type });
  }
}

function executing(name: string): Attributes {
  return { [ATTR_CICD_PIPELINE_NAME]: name, [ATTR_CICD_PIPELINE_RUN_STATE]: 'executing' };
}
