import type { Attributes } from '@opentelemetry/api';
import {
  ATTR_COST_USD,
  ATTR_ROWS_IN,
  ATTR_ROWS_OUT,
  ATTR_SOURCE,
  ATTR_TARGET,
  ATTR_TOKENS_CACHE_READ,
  ATTR_TOKENS_CACHE_WRITE,
  ATTR_TOKENS_IN,
  ATTR_TOKENS_OUT,
  ATTR_WORK_UNITS,
} from '../semconv.ts';
import { captureInput, captureOutput } from './capture.ts';
import type { Work } from './execution-options.ts';
import type { MetricIdentity } from './metric-series.ts';
import type { PipelineMetrics } from './pipeline-metrics.ts';
import { asAttribute } from './start-attributes.ts';

/** Adds what an execution says it did to the attributes its span ends with. Numbers that are none are left out. */
export function addWork(attributes: Attributes, work: Work): void {
  sum(attributes, ATTR_ROWS_IN, work.rowsIn);
  sum(attributes, ATTR_ROWS_OUT, work.rowsOut);
  sum(attributes, ATTR_WORK_UNITS, work.workUnits);
  sum(attributes, ATTR_COST_USD, work.costUsd);
  sum(attributes, ATTR_TOKENS_IN, work.tokensIn);
  sum(attributes, ATTR_TOKENS_OUT, work.tokensOut);
  sum(attributes, ATTR_TOKENS_CACHE_READ, work.tokensCacheRead);
  sum(attributes, ATTR_TOKENS_CACHE_WRITE, work.tokensCacheWrite);
  if (work.source !== undefined) attributes[ATTR_SOURCE] = asAttribute(work.source);
  if (work.target !== undefined) attributes[ATTR_TARGET] = asAttribute(work.target);
  if (work.input !== undefined) Object.assign(attributes, captureInput(work.input));
  if (work.output !== undefined) Object.assign(attributes, captureOutput(work.output));
  if (work.attributes !== undefined) Object.assign(attributes, work.attributes);
}

/** Counts what the work cost. Counters only grow, so negative amounts are left out. */
export function countCost(metrics: PipelineMetrics, execution: MetricIdentity, work: Work): void {
  if (isPositive(work.costUsd)) metrics.spent(execution, work.costUsd);
  if (isPositive(work.tokensIn)) metrics.tokens(execution, 'input', work.tokensIn);
  if (isPositive(work.tokensOut)) metrics.tokens(execution, 'output', work.tokensOut);
  if (isPositive(work.tokensCacheRead)) metrics.tokens(execution, 'cache_read', work.tokensCacheRead);
  if (isPositive(work.tokensCacheWrite)) metrics.tokens(execution, 'cache_write', work.tokensCacheWrite);
}

function isPositive(amount: number | undefined): amount is number {
  return amount !== undefined && Number.isFinite(amount) && amount > 0;
}

function sum(attributes: Attributes, key: string, amount: number | undefined): void {
  if (amount === undefined || !Number.isFinite(amount)) return;
  const before = attributes[key];
  attributes[key] = typeof before === 'number' ? before + amount : amount;
}
