import type { Attributes, Meter } from '@opentelemetry/api';
import type { ExecutionKind } from '../execution.ts';
import {
  ATTR_KIND,
  ATTR_PIPELINE_NAME,
  METRIC_EXECUTION_ACTIVE,
  METRIC_EXECUTIONS_EVICTED,
  NAME_OTHER,
} from '../semconv.ts';
import type { LiveExecution } from './live-execution.ts';
import type { LiveExecutions } from './live-executions.ts';

/** Pipelines that have their own series of active executions; all others share one. */
const MAX_PIPELINE_SERIES = 200;

/** Reports what runs to a meter: read when metrics are collected, so the executions pay nothing for it. */
export function registerLiveMetrics(meter: Meter, live: LiveExecutions): void {
  meter
    .createObservableUpDownCounter(METRIC_EXECUTION_ACTIVE, {
      description: 'Executions that run now.',
      unit: '{execution}',
    })
    .addCallback((result) => {
      for (const [value, attributes] of countByPipeline(live.running)) result.observe(value, attributes);
    });
  meter
    .createObservableCounter(METRIC_EXECUTIONS_EVICTED, {
      description: 'Executions put out of the full list of live executions; they are recorded all the same.',
      unit: '{execution}',
    })
    .addCallback((result) => result.observe(live.evicted));
}

function countByPipeline(running: Iterable<LiveExecution>): readonly (readonly [number, Attributes])[] {
  const counts = new Map<string, { kind: ExecutionKind; pipeline: string; count: number }>();
  const pipelines = new Set<string>();
  for (const { facts } of running) {
    const { kind, pipeline: name } = facts;
    let pipeline = name ?? '';
    if (!pipelines.has(pipeline)) {
      if (pipelines.size < MAX_PIPELINE_SERIES) pipelines.add(pipeline);
      else pipeline = NAME_OTHER;
    }
    const key = `${kind} ${pipeline}`;
    const series = counts.get(key);
    if (series === undefined) counts.set(key, { kind, pipeline, count: 1 });
    else series.count++;
  }
  return [...counts.values()].map(({ kind, pipeline, count }) => [
    count,
    { [ATTR_KIND]: kind, ...(pipeline === '' ? {} : { [ATTR_PIPELINE_NAME]: pipeline }) },
  ]);
}
