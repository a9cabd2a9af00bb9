import type { ExecutionKind, Outcome } from '../execution.ts';
import type { EndedSpan, StartedSpan } from '../records/ended-span.ts';
import { endOf } from '../records/execution-end.ts';
import { factsOf } from '../records/execution-facts.ts';
import type { RecordFlag } from '../records/execution-record.ts';
import { childFailureOf, FailureLedger, type FailureVerdict } from '../records/failure-ledger.ts';
import { type CaptureOptions, recordFromSpan } from '../records/record-from-span.ts';
import { sourceOf } from '../records/record-source.ts';
import { isSuspended, outcomeOf } from '../records/span-outcome.ts';
import { ATTR_ENGINE, ATTR_KEEP, ATTR_PARENT_RECORD_ID, ATTR_RECORD_ID, ATTR_SEGMENT } from '../semconv.ts';
import type { ExecutionMaker } from './foreign-span-tree.ts';
import type { LiveExecution } from './live-execution.ts';
import type { LiveExecutions } from './live-executions.ts';
import type { RecordOutlet } from './record-outlet.ts';

/**
 * Follows executions from their start to their end, and makes their records there. Children end before their parents, so
 * a failure climbs one level with each end: a parent that ends failed takes over the failures its own error stands for,
 * any other parent counts them as recovered.
 */
export class ExecutionTracker implements ExecutionMaker {
  readonly #live: LiveExecutions;
  readonly #outlet: RecordOutlet;
  readonly #capture: CaptureOptions;
  readonly #now: () => number;
  /** Counts starts and ends, so that their order does not depend on clocks. */
  #order = 0;

  constructor(live: LiveExecutions, outlet: RecordOutlet, capture: CaptureOptions, now: () => number) {
    this.#live = live;
    this.#outlet = outlet;
    this.#capture = capture;
    this.#now = now;
  }

  /** An execution's span starts; `parent` is the execution around it that has a span now. */
  start(span: StartedSpan, kind: ExecutionKind, parent: LiveExecution | undefined): void {
    const execution = this.make(span, kind, parent ?? this.#suspendedParentOf(span));
    this.#live.start(span, execution);
    this.#outlet.started(execution);
  }

  /** A span starts. Returns whether it is the next one of an execution that was suspended, which goes on then. */
  resume(span: StartedSpan): boolean {
    const recordId = this.#live.hasSuspended ? span.attributes[ATTR_RECORD_ID] : undefined;
    const execution = typeof recordId === 'string' ? this.#live.resume(recordId) : undefined;
    if (execution === undefined) return false;
    const { traceId, spanId } = span.spanContext();
    execution.traceId = traceId;
    execution.spanId = spanId;
    execution.parentSpanId = span.parentSpanContext?.spanId;
    execution.segment = segmentOf(span);
    execution.isShown = false;
    this.#live.start(span, execution);
    this.#outlet.started(execution);
    return true;
  }

  /** A span of another library is an execution from now on. */
  adopted(span: object): void {
    if (this.#live.of(span) !== undefined) return;
    const execution = this.#live.adopt(span);
    if (execution !== undefined) this.#outlet.started(execution);
  }

  make(span: EndedSpan, kind: ExecutionKind, parent: LiveExecution | undefined): LiveExecution {
    const facts = factsOf(span, kind, parent?.facts, this.#now);
    const { traceId, spanId } = span.spanContext();
    return {
      facts,
      parent,
      startOrder: ++this.#order,
      traceId,
      spanId,
      parentSpanId: span.parentSpanContext?.spanId,
      writer: parent?.writer ?? sourceOf(span.resource),
      engine: engineOf(span),
      segment: segmentOf(span),
      isShown: false,
      failures: undefined,
      run: parent === undefined ? this.#outlet.startRun(facts.runId) : parent.run,
      hasEnded: false,
      older: undefined,
      newer: undefined,
      isListed: false,
    };
  }

  list(execution: LiveExecution): void {
    this.#live.list(execution);
    this.#outlet.started(execution);
  }

  refine(execution: LiveExecution, span: EndedSpan, kind: ExecutionKind): void {
    const { parent, facts } = execution;
    execution.facts = { ...factsOf(span, kind, parent?.facts, this.#now), recordId: facts.recordId };
    if (parent !== undefined) execution.run = parent.run;
    else if (execution.facts.runId !== facts.runId)
      execution.run = this.#outlet.startRun(execution.facts.runId);
  }

  /** An execution's span ends: its last one, or that before a suspension. `known` is undefined where no start was seen. */
  end(span: EndedSpan, kind: ExecutionKind, known: LiveExecution | undefined): void {
    const execution = known ?? this.make(span, kind, undefined);
    this.#live.becomes(execution, kind);
    this.#live.end(execution);
    const flags =
      known === undefined ? START_MISSING : execution.parent?.hasEnded === true ? LATE : undefined;
    const endOrder = ++this.#order;
    const isForced = span.attributes[ATTR_KEEP] === true;
    if (isSuspended(span)) {
      const pause = { outcome: undefined, recoveredFailures: 0, flags };
      this.#outlet.offer(recordFromSpan(span, execution.facts, pause, this.#capture), execution, isForced);
      if (known !== undefined) this.#live.suspend(execution);
      return;
    }
    const outcome = outcomeOf(span);
    execution.hasEnded = true;
    const { verdict, recoveredFailures } = endOf(span, outcome, execution.failures);
    execution.failures = undefined;
    this.#tellParent(execution, outcome, verdict, endOrder);
    const end = { outcome, verdict, recoveredFailures, flags };
    this.#outlet.offer(recordFromSpan(span, execution.facts, end, this.#capture), execution, isForced);
    execution.parent = undefined;
  }

  endForeign(span: EndedSpan, kind: ExecutionKind, execution: LiveExecution): void {
    this.end(span, kind, execution);
    // What goes on with it, if anything does, names it by its record and may be in another process.
    this.#live.resume(execution.facts.recordId);
  }

  /** A suspended parent has no span now; its children name it by its record. */
  #suspendedParentOf(span: StartedSpan): LiveExecution | undefined {
    if (!this.#live.hasSuspended) return undefined;
    const recordId = span.attributes[ATTR_PARENT_RECORD_ID];
    return typeof recordId === 'string' ? this.#live.suspended(recordId) : undefined;
  }

  /** A parent that has ended is told nothing: its record is written. */
  #tellParent(
    execution: LiveExecution,
    outcome: Outcome,
    verdict: FailureVerdict | undefined,
    endOrder: number,
  ): void {
    const { parent } = execution;
    if (parent === undefined || parent.hasEnded) return;
    const { kind, name, attempt, recordId } = execution.facts;
    if (verdict !== undefined) {
      parent.failures ??= new FailureLedger();
      parent.failures.add(childFailureOf({ kind, name, attempt, recordId, endOrder }, verdict));
    } else if (outcome === 'success') {
      parent.failures?.childSucceeded(kind, name, attempt, execution.startOrder);
    }
  }
}

/** Which stretch of its execution a span is. */
function segmentOf({ attributes }: EndedSpan): number {
  const segment = attributes[ATTR_SEGMENT];
  return typeof segment === 'number' && Number.isSafeInteger(segment) && segment > 0 ? segment : 1;
}

function engineOf({ attributes }: EndedSpan): string | undefined {
  const engine = attributes[ATTR_ENGINE];
  return typeof engine === 'string' ? engine : undefined;
}

const START_MISSING: readonly RecordFlag[] = ['start_missing'];
const LATE: readonly RecordFlag[] = ['late'];
