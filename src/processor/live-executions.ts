import { type Attributes, type Context, type Meter, trace } from '@opentelemetry/api';
import { ACTIVE_EXECUTION_KEY, type ActiveExecution, type ExecutionKind } from '../execution.ts';
import type { ExecutionFacts } from '../records/execution-facts.ts';
import type { ExecutionRecord, RecordSource } from '../records/execution-record.ts';
import type { FailureLedger } from '../records/failure-ledger.ts';
import { runningRecord } from '../records/running-record.ts';
import {
  ATTR_KIND,
  ATTR_PIPELINE_NAME,
  METRIC_EXECUTION_ACTIVE,
  METRIC_EXECUTIONS_EVICTED,
  NAME_OTHER,
} from '../semconv.ts';
import type { KeptRun } from './kept-runs.ts';
import { type Listed, RunningList } from './running-list.ts';

/** An execution between its start and its end. */
export interface LiveExecution extends Listed<LiveExecution> {
  /** Replaced where a step turns out to be a process. */
  facts: ExecutionFacts;
  /** Forgotten at the end, or a chain of executions that each start after the one before would be kept whole. */
  parent: LiveExecution | undefined;
  /** When it started, on the counter of starts and ends. */
  readonly startOrder: number;
  traceId: string;
  spanId: string;
  parentSpanId: string | undefined;
  readonly writer: RecordSource;
  /** What runs it, where that is not the application itself. */
  readonly engine: string | undefined;
  /** 1, or which stretch it is of an execution that was suspended. */
  segment: number;
  /** Whether the store was told that it runs. */
  isShown: boolean;
  /** Its failed children; made with the first one. */
  failures: FailureLedger | undefined;
  /** What the keep policy holds of its run; undefined where everything is kept. */
  run: KeptRun | undefined;
  hasEnded: boolean;
}

interface Carrier {
  [key: symbol]: LiveExecution | undefined;
}

/** What the table can not know by itself. */
export interface LiveExecutionEvents {
  /** It was put out of the full list. */
  evicted(execution: LiveExecution): void;
  /** An execution whose span was no execution's when it started; undefined where it still is none. */
  adopted(span: object): LiveExecution | undefined;
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

/**
 * The executions of this process, from their start to their end. What is known of one hangs on its span, so it lives as
 * long as that does and is found without a search. Beside that there is a list of what runs now, bounded by count alone:
 * long jobs are the ones people ask about, so age evicts nothing. When it is full the oldest go, counted; their records
 * are as good as any.
 */
export class LiveExecutions {
  /** Names the property of spans; one for each table, since there may be several processors. */
  readonly #key = Symbol('runledger execution');
  readonly #running = new RunningList<LiveExecution>();
  /** Suspended executions by record id: their next segment has another span. */
  readonly #suspended = new Map<string, LiveExecution>();
  readonly #max: number;
  readonly #events: LiveExecutionEvents;
  #evicted = 0;

  constructor(max: number, events: LiveExecutionEvents) {
    this.#max = max;
    this.#events = events;
  }

  /** Whether nothing runs and nothing is suspended. */
  get isEmpty(): boolean {
    return this.#running.size === 0 && this.#suspended.size === 0;
  }

  /** The execution a span is; undefined where it is none, or its start was not seen. */
  of(span: object): LiveExecution | undefined {
    return (span as Carrier)[this.#key];
  }

  /** The execution a span became after it had started: another library's span that is adopted. On the list from here on. */
  adopt(span: object): LiveExecution | undefined {
    const execution = this.#events.adopted(span);
    if (execution !== undefined) this.start(span, execution);
    return execution;
  }

  /** The execution a span starts in: by the execution whose code runs, else by its parent span. */
  parentOf(parentContext: Context): LiveExecution | undefined {
    const active = parentContext.getValue(ACTIVE_EXECUTION_KEY) as ActiveExecution | undefined;
    const running = active === undefined ? undefined : (this.of(active.span) ?? this.adopt(active.span));
    if (running !== undefined) {
      if (active !== undefined) this.becomes(running, active.kind);
      return running;
    }
    const parentSpan = trace.getSpan(parentContext);
    return parentSpan === undefined ? undefined : this.of(parentSpan);
  }

  /** What its span or its context calls it by now. */
  becomes(execution: LiveExecution, kind: ExecutionKind): void {
    if (execution.facts.kind !== kind) execution.facts = { ...execution.facts, kind };
  }

  start(span: object, execution: LiveExecution): void {
    (span as Carrier)[this.#key] = execution;
    this.list(execution);
  }

  /** Puts an execution on the list of what runs. */
  list(execution: LiveExecution): void {
    if (this.#running.size >= this.#max) this.#evict();
    this.#running.add(execution);
  }

  /** Takes an execution whose span ends off the list. */
  end(execution: LiveExecution): void {
    this.#running.remove(execution);
  }

  suspend(execution: LiveExecution): void {
    if (this.#suspended.size >= this.#max) this.#evictSuspended();
    this.#suspended.set(execution.facts.recordId, execution);
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

  /** What runs now, first to start first; `limit` at most. */
  snapshot(limit: number = Number.POSITIVE_INFINITY): readonly LiveExecutionView[] {
    const views: LiveExecutionView[] = [];
    for (const execution of this.#running) {
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
          'Executions put out of the full list of live executions; they are recorded all the same.',
        unit: '{execution}',
      })
      .addCallback((result) => result.observe(this.#evicted));
  }

  /** What started before a time, runs on and was not asked for before, as rows; `limit` at most. */
  takeUnshown(startedBefore: number, limit: number): readonly ExecutionRecord[] {
    const rows: ExecutionRecord[] = [];
    for (const execution of this.#running) {
      if (execution.facts.startedAt > startedBefore || rows.length >= limit) break;
      if (execution.isShown || !isSureToBeKept(execution)) continue;
      execution.isShown = true;
      rows.push(runningRecord(execution.facts, execution));
    }
    return rows;
  }

  /** The row of one of those that run. */
  anyRunning(): ExecutionRecord | undefined {
    for (const execution of this.#running) {
      if (isSureToBeKept(execution)) return runningRecord(execution.facts, execution);
    }
    return undefined;
  }

  #countByPipeline(): readonly (readonly [number, Attributes])[] {
    const counts = new Map<string, { kind: ExecutionKind; pipeline: string; count: number }>();
    const pipelines = new Set<string>();
    for (const { facts } of this.#running) {
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

  #evict(): void {
    const oldest = this.#running.removeOldest();
    if (oldest !== undefined) this.#countEvicted(oldest);
  }

  /** Many at once: a Map finds its oldest entry the slower the more were deleted. */
  #evictSuspended(): void {
    let left = Math.max(1, Math.floor(this.#max / 16));
    for (const [recordId, execution] of this.#suspended) {
      this.#suspended.delete(recordId);
      this.#countEvicted(execution);
      if (--left === 0) return;
    }
  }

  #countEvicted(execution: LiveExecution): void {
    this.#evicted++;
    this.#events.evicted(execution);
  }
}

/** Whether its record is stored whatever happens: the keep policy may let go of all but a run's own. */
export function isSureToBeKept({ run, facts }: LiveExecution): boolean {
  return run === undefined || facts.isRun;
}

function viewOf({ facts }: LiveExecution, state: LiveExecutionView['state']): LiveExecutionView {
  const { recordId, kind, name, pipeline, runId, attempt, startedAt } = facts;
  return { recordId, kind, name, pipeline, runId, attempt, startedAt, state };
}
