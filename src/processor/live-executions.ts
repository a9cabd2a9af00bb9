import { type Context, trace } from '@opentelemetry/api';
import { ACTIVE_EXECUTION_KEY, type ActiveExecution, type ExecutionKind } from '../execution.ts';
import type { ExecutionRecord } from '../records/execution-record.ts';
import { runningRecord } from '../records/running-record.ts';
import { isSureToBeKept, type LiveExecution, type LiveExecutionView, viewOf } from './live-execution.ts';
import { RunningList } from './running-list.ts';

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

  /** What runs now, first to start first. */
  get running(): Iterable<LiveExecution> {
    return this.#running;
  }

  /** How many were put out of the full list. */
  get evicted(): number {
    return this.#evicted;
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
