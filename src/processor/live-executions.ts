import type { Attributes, Context, Meter } from '@opentelemetry/api';
import { ACTIVE_EXECUTION_KEY, type ActiveExecution, type ExecutionKind } from '../execution.ts';
import type { EndedSpan } from '../records/ended-span.ts';
import type { ExecutionFacts } from '../records/execution-facts.ts';
import type { FailureLedger } from '../records/failure-ledger.ts';
import {
  ATTR_KIND,
  ATTR_PIPELINE_NAME,
  METRIC_EXECUTION_ACTIVE,
  METRIC_EXECUTIONS_EVICTED,
  NAME_OTHER,
} from '../semconv.ts';
import type { KeptRun } from './kept-runs.ts';

/** An execution between its start and its end. */
export interface LiveExecution extends ExecutionFacts {
  readonly parent: LiveExecution | undefined;
  /** When it started, on the counter of starts and ends. */
  readonly startOrder: number;
  /** Its failed children; made with the first one. */
  failures: FailureLedger | undefined;
  /** What the keep policy holds of its run; undefined where everything is kept. */
  run: KeptRun | undefined;
  hasEnded: boolean;
}

/** What is told about an execution that runs. */
export interface LiveExecutionView {
  readonly recordId: string;
  readonly kind: ExecutionKind;
  readonly name: string;
  readonly pipeline: string | undefined;
  readonly runId: string;
  readonly attempt: number;
  /** Milliseconds since the Unix epoch. */
  readonly startedAt: number;
  readonly state: 'running' | 'suspended';
}

/** Pipelines that have their own series of active executions; all others share one. */
const MAX_PIPELINE_SERIES = 200;
/** Share of a full table that goes at once: a Map finds its oldest entry the slower the more were deleted. */
const EVICTED_SHARE = 1 / 16;

/**
 * The executions that run in this process now, by the span id of their current segment. Bounded by count alone:
 * long jobs are the ones people ask about, so age evicts nothing. When the table is full the oldest go, counted.
 */
export class LiveExecutions {
  readonly #running = new Map<string, LiveExecution>();
  /** Suspended executions by record id: their next segment has another span. */
  readonly #suspended = new Map<string, LiveExecution>();
  /** The execution that spans of other libraries run in, by their span id. */
  readonly #within = new Map<string, LiveExecution>();
  readonly #max: number;
  readonly #onEvicted: (execution: LiveExecution) => void;
  #evicted = 0;

  constructor(max: number, onEvicted: (execution: LiveExecution) => void) {
    this.#max = max;
    this.#onEvicted = onEvicted;
  }

  get size(): number {
    return this.#running.size + this.#suspended.size;
  }

  /** Executions that were put out of a full table; their records are marked `start_missing`. */
  get evicted(): number {
    return this.#evicted;
  }

  /** The live execution a span starts in: by the context, else by its parent span. */
  parentOf(span: EndedSpan, parentContext: Context): LiveExecution | undefined {
    if (this.#running.size === 0) return undefined;
    const active = parentContext.getValue(ACTIVE_EXECUTION_KEY) as ActiveExecution | undefined;
    const running = active === undefined ? undefined : this.#running.get(active.spanId);
    return running ?? this.parentBySpan(span);
  }

  /** The live execution a span's parent span is, or runs in. */
  parentBySpan(span: EndedSpan): LiveExecution | undefined {
    const parentSpanId = span.parentSpanContext?.spanId;
    if (parentSpanId === undefined) return undefined;
    return this.#running.get(parentSpanId) ?? this.#within.get(parentSpanId);
  }

  start(spanId: string, execution: LiveExecution): void {
    if (this.#running.size >= this.#max) this.#evictFrom(this.#running);
    this.#running.set(spanId, execution);
  }

  /** Takes the execution whose span ends out of the table. */
  end(spanId: string): LiveExecution | undefined {
    const execution = this.#running.get(spanId);
    if (execution !== undefined) this.#running.delete(spanId);
    return execution;
  }

  running(spanId: string): LiveExecution | undefined {
    return this.#running.get(spanId);
  }

  suspend(execution: LiveExecution): void {
    if (this.#suspended.size >= this.#max) this.#evictFrom(this.#suspended);
    this.#suspended.set(execution.recordId, execution);
  }

  get hasSuspended(): boolean {
    return this.#suspended.size > 0;
  }

  suspended(recordId: string): LiveExecution | undefined {
    return this.#suspended.get(recordId);
  }

  /** The suspended execution that a new segment goes on with. */
  resume(recordId: string): LiveExecution | undefined {
    const execution = this.#suspended.get(recordId);
    if (execution !== undefined) this.#suspended.delete(recordId);
    return execution;
  }

  /** A span of another library starts: executions below it belong to the execution it runs in. */
  startForeign(span: EndedSpan, parentContext: Context): void {
    const execution = this.parentOf(span, parentContext);
    if (execution === undefined) return;
    if (this.#within.size >= this.#max) dropOldest(this.#within, this.#evictedAtOnce, () => {});
    this.#within.set(span.spanContext().spanId, execution);
  }

  endForeign(span: EndedSpan): void {
    if (this.#within.size > 0) this.#within.delete(span.spanContext().spanId);
  }

  /** What runs now, first to start first; `limit` at most. */
  snapshot(limit: number = Number.POSITIVE_INFINITY): readonly LiveExecutionView[] {
    const views: LiveExecutionView[] = [];
    for (const execution of this.#running.values()) {
      if (views.length >= limit) return views;
      views.push(viewOf(execution, 'running'));
    }
    for (const execution of this.#suspended.values()) {
      if (views.length >= limit) return views;
      views.push(viewOf(execution, 'suspended'));
    }
    return views;
  }

  /** Reports the table to a meter: read when metrics are collected, so the executions pay nothing for it. */
  registerMetrics(meter: Meter): void {
    meter
      .createObservableUpDownCounter(METRIC_EXECUTION_ACTIVE, {
        description: 'Executions that run now.',
        unit: '{execution}',
      })
      .addCallback((result) => {
        for (const [value, attributes] of this.#countByPipeline()) result.observe(value, attributes);
      });
    meter
      .createObservableCounter(METRIC_EXECUTIONS_EVICTED, {
        description:
          'Executions put out of the full table of live executions; their records lack what it knew.',
        unit: '{execution}',
      })
      .addCallback((result) => result.observe(this.#evicted));
  }

  #countByPipeline(): readonly (readonly [number, Attributes])[] {
    const counts = new Map<string, { kind: ExecutionKind; pipeline: string; count: number }>();
    const pipelines = new Set<string>();
    for (const { kind, pipeline: name } of this.#running.values()) {
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

  #evictFrom(table: Map<string, LiveExecution>): void {
    dropOldest(table, this.#evictedAtOnce, (execution) => {
      this.#evicted++;
      this.#onEvicted(execution);
    });
  }

  get #evictedAtOnce(): number {
    return Math.max(1, Math.floor(this.#max * EVICTED_SHARE));
  }
}

function dropOldest(
  table: Map<string, LiveExecution>,
  count: number,
  onDropped: (execution: LiveExecution) => void,
): void {
  let left = count;
  for (const [key, execution] of table) {
    table.delete(key);
    onDropped(execution);
    if (--left === 0) return;
  }
}

function viewOf(execution: LiveExecution, state: LiveExecutionView['state']): LiveExecutionView {
  const { recordId, kind, name, pipeline, runId, attempt, startedAt } = execution;
  return { recordId, kind, name, pipeline, runId, attempt, startedAt, state };
}
