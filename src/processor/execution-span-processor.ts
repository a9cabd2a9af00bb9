import { type Context, diag, type Meter } from '@opentelemetry/api';
import { type AdoptionListener, listenToAdoption } from '../execution.ts';
import type { RecordExporter } from '../export/record-exporter.ts';
import { problemOfRecognise, resolveRecognise } from '../recognisers/recognise-options.ts';
import { RuleSet } from '../recognisers/rule-set.ts';
import type { EndedSpan, SpanProcessorShape, StartedSpan } from '../records/ended-span.ts';
import { endOf } from '../records/execution-end.ts';
import { kindOf } from '../records/execution-facts.ts';
import { isSuspended, outcomeOf } from '../records/span-outcome.ts';
import { ATTR_FAILED_STEP, ATTR_RECOVERED_FAILURES, SCOPE_NAME } from '../semconv.ts';
import type { ExecutionSpanProcessorOptions } from './execution-span-processor-options.ts';
import { ExecutionTracker } from './execution-tracker.ts';
import { ForeignExecutions } from './foreign-executions.ts';
import type { LiveExecutionView } from './live-execution.ts';
import { LiveExecutions } from './live-executions.ts';
import { registerLiveMetrics } from './live-metrics.ts';
import { RecordOutlet } from './record-outlet.ts';

export type { ExecutionSpanProcessorOptions };

/**
 * Turns ended executions into records, with the step each failure started at. Works with SDK 2.x and 3.x, and sees
 * unsampled executions where the sampler is wrapped by `recordExecutions`.
 *
 * No hook throws, blocks, or keeps a span.
 */
export class ExecutionSpanProcessor implements SpanProcessorShape {
  readonly #exporter: RecordExporter;
  readonly #live: LiveExecutions;
  readonly #outlet: RecordOutlet;
  readonly #tracker: ExecutionTracker;
  readonly #foreign: ForeignExecutions;
  readonly #reported = new Set<string>();
  readonly #adoption: readonly AdoptionListener[] = [{ adopted: (span) => this.#adopted(span) }];

  /** Throws for options that can not work. */
  constructor(options: ExecutionSpanProcessorOptions) {
    const { exporter, keep, redact } = options;
    const maxLive = options.maxLiveExecutions ?? 10_000;
    if (!Number.isSafeInteger(maxLive) || maxLive < 1) {
      throw new RangeError(`maxLiveExecutions must be a whole number from 1, not ${String(maxLive)}`);
    }
    this.#exporter = exporter;
    this.#outlet = new RecordOutlet({ exporter, keep, redact });
    this.#live = new LiveExecutions(maxLive, {
      // Its run may never end, so what is held of it is decided.
      evicted: ({ parent, run }) => {
        if (parent === undefined && run !== undefined) this.#outlet.settleRun(run);
      },
      adopted: (span) => this.#foreign.adopt(span),
    });
    const capture = {
      captureAttributes: options.captureAttributes ?? true,
      captureStack: options.captureStack ?? true,
    };
    this.#tracker = new ExecutionTracker(this.#live, this.#outlet, capture, options.clock ?? Date.now);
    this.#foreign = this.#foreignExecutions(options);
    this.#outlet.watch(this.#live);
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
    return this.#outlet.held;
  }

  /** Reports running and evicted executions to a meter. */
  registerLiveMetrics(meter: Meter): void {
    registerLiveMetrics(meter, this.#live);
  }

  onStart(span: StartedSpan, parentContext: Context): void {
    try {
      const kind = kindOf(span);
      if (kind === undefined) {
        this.#foreign.start(span, parentContext);
        listenToAdoption(span, this.#adoption);
      } else if (!this.#tracker.resume(span)) {
        const running = this.#live.parentOf(parentContext);
        this.#tracker.start(span, kind, this.#foreign.around(span, parentContext, running));
      }
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
      else if (span.instrumentationScope?.name === SCOPE_NAME)
        this.#tracker.end(span, kind, this.#live.of(span));
      else {
        // Another library's span, which may have become an execution after it had started.
        const known = this.#live.of(span) ?? this.#live.adopt(span);
        this.#foreign.close(span);
        this.#tracker.end(span, kind, known);
      }
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
      this.#outlet.close();
    } catch (error) {
      this.#report('keep policy', error);
    }
    try {
      await this.#exporter.shutdown();
    } catch (error) {
      this.#report('shutdown', error);
    }
  }

  /** A span of another library is an execution from now on: should the process die, that is known. */
  #adopted(span: object): void {
    try {
      this.#tracker.adopted(span);
    } catch (error) {
      this.#report('adoption', error);
    }
  }

  #foreignExecutions({ recognise, isInstrumented }: ExecutionSpanProcessorOptions): ForeignExecutions {
    const problem = recognise === undefined ? undefined : problemOfRecognise(recognise);
    if (problem !== undefined) throw new TypeError(problem);
    const { groups, ...limits } = resolveRecognise(recognise);
    const report = (error: unknown) => this.#report('recognisers', error);
    const rules = new RuleSet(groups, isInstrumented ?? (() => false), report);
    return new ForeignExecutions(rules, this.#live, this.#tracker, limits, report);
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
