import { type Context, diag, type Meter } from '@opentelemetry/api';
import { type AdoptionListener, type ExecutionKind, listenToAdoption, type Outcome } from '../execution.ts';
import type { RecordExporter } from '../export/record-exporter.ts';
import { problemOfRecognise, resolveRecognise } from '../recognisers/recognise-options.ts';
import { RuleSet } from '../recognisers/rule-set.ts';
import type { EndedSpan, SpanProcessorShape, StartedSpan } from '../records/ended-span.ts';
import { endOf } from '../records/execution-end.ts';
import { factsOf, kindOf } from '../records/execution-facts.ts';
import type { ExecutionRecord, RecordFlag } from '../records/execution-record.ts';
import { childFailureOf, FailureLedger, type FailureVerdict } from '../records/failure-ledger.ts';
import { resolveKeepPolicy } from '../records/keep-policy.ts';
import { type CaptureOptions, recordFromSpan } from '../records/record-from-span.ts';
import { sourceOf } from '../records/record-source.ts';
import { type RedactRecord, redacted } from '../records/redaction.ts';
import { runningRecord } from '../records/running-record.ts';
import { isSuspended, outcomeOf } from '../records/span-outcome.ts';
import {
  ATTR_ENGINE,
  ATTR_FAILED_STEP,
  ATTR_KEEP,
  ATTR_PARENT_RECORD_ID,
  ATTR_RECORD_ID,
  ATTR_RECOVERED_FAILURES,
  ATTR_SEGMENT,
  SCOPE_NAME,
} from '../semconv.ts';
import type { ExecutionSpanProcessorOptions } from './execution-span-processor-options.ts';
import { ForeignExecutions } from './foreign-executions.ts';
import { KeptRuns } from './kept-runs.ts';
import {
  isSureToBeKept,
  type LiveExecution,
  LiveExecutions,
  type LiveExecutionView,
} from './live-executions.ts';

export type { ExecutionSpanProcessorOptions };

/**
 * Turns ended executions into records, with the step each failure started at. Works with SDK 2.x and 3.x, and sees
 * unsampled executions where the sampler is wrapped by `recordExecutions`.
 *
 * Children end before their parents, so a failure climbs one level with each end: a parent that ends failed takes
 * over the failures its own error stands for, any other parent counts them as recovered. No hook throws, blocks,
 * or keeps a span.
 */
export class ExecutionSpanProcessor implements SpanProcessorShape {
  readonly #exporter: RecordExporter;
  readonly #redact: RedactRecord | undefined;
  readonly #capture: CaptureOptions;
  readonly #now: () => number;
  readonly #live: LiveExecutions;
  readonly #foreign: ForeignExecutions;
  readonly #kept: KeptRuns;
  readonly #reported = new Set<string>();
  readonly #adoption: readonly AdoptionListener[] = [{ adopted: (span) => this.#adopted(span) }];
  /** Counts starts and ends, so that their order does not depend on clocks. */
  #order = 0;

  constructor(options: ExecutionSpanProcessorOptions) {
    const maxLive = options.maxLiveExecutions ?? 10_000;
    if (!Number.isSafeInteger(maxLive) || maxLive < 1) {
      throw new RangeError(`maxLiveExecutions must be a whole number from 1, not ${String(maxLive)}`);
    }
    this.#exporter = options.exporter;
    this.#redact = options.redact;
    this.#capture = {
      captureAttributes: options.captureAttributes ?? true,
      captureStack: options.captureStack ?? true,
    };
    this.#now = options.clock ?? Date.now;
    this.#live = new LiveExecutions(maxLive, {
      evicted: (execution) => this.#evicted(execution),
      adopted: (span) => this.#foreign.adopt(span),
    });
    this.#foreign = this.#foreignExecutions(options);
    this.#exporter.watchRunning({
      unshown: (startedBefore, limit) =>
        this.#live.takeUnshown(startedBefore, limit).map((record) => this.#withoutSecrets(record)),
      any: () => {
        const record = this.#live.anyRunning();
        return record && this.#withoutSecrets(record);
      },
    });
    this.#kept = new KeptRuns(
      resolveKeepPolicy(options.keep),
      (record) => this.#export(record),
      (count) => this.#exporter.sampledOut(count),
    );
  }

  /** What runs now, first to start first; `limit` at most. */
  liveExecutions(limit?: number): readonly LiveExecutionView[] {
    return this.#live.snapshot(limit);
  }

  /**
   * Records held until the end of their run, which the exporter does not know of yet, and how many were decided
   * before it because too many were held.
   */
  heldRecords(): { readonly held: number; readonly decidedEarly: number } {
    return { held: this.#kept.held, decidedEarly: this.#kept.decidedEarly };
  }

  /** Reports running and evicted executions to a meter. */
  registerLiveMetrics(meter: Meter): void {
    this.#live.registerMetrics(meter);
  }

  onStart(span: StartedSpan, parentContext: Context): void {
    try {
      const kind = kindOf(span);
      if (kind !== undefined) {
        this.#start(span, kind, parentContext);
        return;
      }
      this.#foreign.start(span, parentContext);
      listenToAdoption(span, this.#adoption);
    } catch (error) {
      this.#report('start', error);
    }
  }

  /**
   * Tells the trace view what the record will say. Both SDK lines call this while the span still takes attributes;
   * where one does not, only the trace view lacks them.
   */
  onEnding(span: StartedSpan): void {
    try {
      const failures = kindOf(span) === undefined ? undefined : this.#live.of(span)?.failures;
      if (failures === undefined || isSuspended(span)) return;
      const { verdict, recoveredFailures } = endOf(span, outcomeOf(span), failures);
      if (verdict?.root !== undefined) span.setAttribute(ATTR_FAILED_STEP, verdict.root.name);
      if (recoveredFailures > 0) span.setAttribute(ATTR_RECOVERED_FAILURES, recoveredFailures);
    } catch (error) {
      this.#report('ending', error);
    }
  }

  onEnd(span: EndedSpan): void {
    try {
      const kind = kindOf(span);
      if (kind === undefined) this.#foreign.end(span);
      else if (span.instrumentationScope?.name === SCOPE_NAME) this.#end(span, kind, this.#live.of(span));
      else this.#endAdopted(span, kind);
    } catch (error) {
      this.#report('end', error);
    }
  }

  /** Makes the records of ended spans of other libraries that wait for those around them. Never throws. */
  settle(): void {
    try {
      this.#foreign.settleAll();
    } catch (error) {
      this.#report('settle', error);
    }
  }

  /**
   * Resolves when the exporter has stored, or given up, everything it was given before the call. What the keep
   * policy holds until the end of a run stays held.
   */
  async forceFlush(): Promise<void> {
    this.settle();
    try {
      await this.#exporter.forceFlush();
    } catch (error) {
      this.#report('flush', error);
    }
  }

  /** Decides what the keep policy still holds, then shuts the exporter down. */
  async shutdown(): Promise<void> {
    this.settle();
    try {
      this.#kept.close();
    } catch (error) {
      this.#report('keep policy', error);
    }
    try {
      await this.#exporter.shutdown();
    } catch (error) {
      this.#report('shutdown', error);
    }
  }

  #start(span: StartedSpan, kind: ExecutionKind, parentContext: Context): void {
    const recordId = this.#live.hasSuspended ? span.attributes[ATTR_RECORD_ID] : undefined;
    const suspended = typeof recordId === 'string' ? this.#live.resume(recordId) : undefined;
    const execution = suspended ?? this.#liveFrom(span, kind, this.#parentOf(span, parentContext));
    if (suspended !== undefined) this.#goOn(suspended, span);
    this.#live.start(span, execution);
    this.#tellStart(execution);
  }

  /** A span of another library is an execution from now on: should the process die, that is known. */
  #adopted(span: object): void {
    try {
      if (this.#live.of(span) !== undefined) return;
      const execution = this.#live.adopt(span);
      if (execution !== undefined) this.#tellStart(execution);
    } catch (error) {
      this.#report('adoption', error);
    }
  }

  /** It runs, as far as anybody knows, and will have a record. */
  #list(execution: LiveExecution): void {
    this.#live.list(execution);
    this.#tellStart(execution);
  }

  #tellStart(execution: LiveExecution): void {
    if (this.#exporter.keepsStarts && isSureToBeKept(execution)) {
      this.#exporter.started(this.#withoutSecrets(runningRecord(execution.facts, execution)));
    }
  }

  /** A suspended parent has no span now; its children name it by its record. */
  #parentOf(span: StartedSpan, parentContext: Context): LiveExecution | undefined {
    const parent = this.#foreign.around(span, parentContext, this.#live.parentOf(parentContext));
    if (parent !== undefined || !this.#live.hasSuspended) return parent;
    const recordId = span.attributes[ATTR_PARENT_RECORD_ID];
    return typeof recordId === 'string' ? this.#live.suspended(recordId) : undefined;
  }

  #liveFrom(span: EndedSpan, kind: ExecutionKind, parent: LiveExecution | undefined): LiveExecution {
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
      run: parent === undefined ? this.#kept.start(facts.runId) : parent.run,
      hasEnded: false,
      older: undefined,
      newer: undefined,
      isListed: false,
    };
  }

  #foreignExecutions(options: ExecutionSpanProcessorOptions): ForeignExecutions {
    const problem = options.recognise === undefined ? undefined : problemOfRecognise(options.recognise);
    if (problem !== undefined) throw new TypeError(problem);
    const { groups, ...limits } = resolveRecognise(options.recognise);
    const report = (error: unknown) => this.#report('recognisers', error);
    const rules = new RuleSet(groups, options.isInstrumented ?? (() => false), report);
    const maker = {
      make: (span: EndedSpan, kind: ExecutionKind, parent: LiveExecution | undefined) =>
        this.#liveFrom(span, kind, parent),
      list: (execution: LiveExecution) => this.#list(execution),
      refine: (execution: LiveExecution, span: EndedSpan, kind: ExecutionKind) => {
        const { parent, facts } = execution;
        execution.facts = { ...factsOf(span, kind, parent?.facts, this.#now), recordId: facts.recordId };
        if (parent !== undefined) execution.run = parent.run;
        else if (execution.facts.runId !== facts.runId)
          execution.run = this.#kept.start(execution.facts.runId);
      },
      end: (span: EndedSpan, kind: ExecutionKind, execution: LiveExecution) => {
        this.#end(span, kind, execution);
        // What goes on with it, if anything does, names it by its record and may be in another process.
        this.#live.resume(execution.facts.recordId);
      },
    };
    return new ForeignExecutions(rules, this.#live, maker, limits, report);
  }

  /** Another library's span, which may have become an execution after it had started. */
  #endAdopted(span: EndedSpan, kind: ExecutionKind): void {
    const known = this.#live.of(span) ?? this.#live.adopt(span);
    this.#foreign.close(span);
    this.#end(span, kind, known);
  }

  #end(span: EndedSpan, kind: ExecutionKind, known: LiveExecution | undefined): void {
    const execution = known ?? this.#liveFrom(span, kind, undefined);
    this.#live.becomes(execution, kind);
    this.#live.end(execution);
    const flags =
      known === undefined ? START_MISSING : execution.parent?.hasEnded === true ? LATE : undefined;
    const endOrder = ++this.#order;
    if (isSuspended(span)) {
      this.#offer(
        recordFromSpan(
          span,
          execution.facts,
          { outcome: undefined, recoveredFailures: 0, flags },
          this.#capture,
        ),
        execution,
        span,
      );
      if (known !== undefined) this.#live.suspend(execution);
      return;
    }
    const outcome = outcomeOf(span);
    execution.hasEnded = true;
    const { verdict, recoveredFailures } = endOf(span, outcome, execution.failures);
    execution.failures = undefined;
    this.#tellParent(execution, outcome, verdict, endOrder);
    const end = { outcome, verdict, recoveredFailures, flags };
    this.#offer(recordFromSpan(span, execution.facts, end, this.#capture), execution, span);
    execution.parent = undefined;
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

  #offer(record: ExecutionRecord, execution: LiveExecution, span: EndedSpan): void {
    const { run } = execution;
    if (run === undefined) {
      this.#export(record);
      return;
    }
    this.#kept.offer(record, run, {
      isRun: execution.facts.isRun,
      isLocalRoot: execution.parent === undefined,
      isForced: span.attributes[ATTR_KEEP] === true,
    });
  }

  #export(record: ExecutionRecord): void {
    this.#exporter.export(this.#withoutSecrets(record));
  }

  #withoutSecrets(record: ExecutionRecord): ExecutionRecord {
    return this.#redact === undefined ? record : redacted(record, this.#redact);
  }

  /** A suspended execution has a new span. */
  #goOn(execution: LiveExecution, span: StartedSpan): void {
    const { traceId, spanId } = span.spanContext();
    execution.traceId = traceId;
    execution.spanId = spanId;
    execution.parentSpanId = span.parentSpanContext?.spanId;
    execution.segment = segmentOf(span);
    execution.isShown = false;
  }

  /** Its run may never end, so what is held of it is decided. */
  #evicted(execution: LiveExecution): void {
    if (execution.parent === undefined && execution.run !== undefined) this.#kept.settle(execution.run);
  }

  /** Once for each hook: a fault that strikes at all strikes at every span. */
  #report(hook: string, error: unknown): void {
    if (this.#reported.has(hook)) return;
    this.#reported.add(hook);
    try {
      diag.error(`runledger: the span processor failed (${hook})`, error);
    } catch {
      // A logger that throws must not reach the application either.
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
