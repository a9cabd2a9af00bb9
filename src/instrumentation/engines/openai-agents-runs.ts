import { context } from '@opentelemetry/api';
import type { DetachedState } from '../../lifecycle/detached-state.ts';
import type { Execution } from '../../lifecycle/execution-handle.ts';
import { describeError } from '../../lifecycle/outcome.ts';
import type { EngineLifecycle } from '../engine-lifecycle.ts';
import { FailedCalls } from './openai-agents-calls.ts';
import { activeContext } from './openai-agents-context.ts';
import {
  type AgentSpan,
  errorFrom,
  isWholeRun,
  kindOf,
  nameOf,
  type SpanData,
  TOOL_TIMEOUT,
  tokensOf,
} from './openai-agents-span.ts';
import { putToken, takeToken, type WrittenTrace } from './openai-agents-state.ts';

/** A trace of the Agents SDK: one workflow, of one run of an agent or of several. */
export interface AgentTrace {
  readonly traceId: string;
  readonly name: string;
  readonly groupId?: string | null | undefined;
}

/** What the SDK keeps beside the code that runs: the trace and the span it is in. */
export interface TraceStore {
  readonly trace?: AgentTrace | undefined;
  readonly span?: AgentSpan | undefined;
  readonly previousSpan?: AgentSpan | undefined;
}

/** What a run resolves to. A stream has an error once it broke. */
interface RunResult {
  readonly interruptions?: readonly unknown[] | undefined;
  readonly error?: unknown;
  readonly _getStreamLoopPromise?: unknown;
}

/** Traces that are open, or wait for an approval, at once. */
const MAX_TRACES = 10_000;

/** Id of the interrupt a run waits in until its tools are approved. */
const APPROVAL = 'approval';

const REFUSAL = 'InputGuardrailTripwireTriggered';

/** What is thrown where a time limit of the SDK's was over: of a tool, of the call of a model. */
const TIMEOUTS: ReadonlySet<string> = new Set([TOOL_TIMEOUT, 'ModelTimeoutError']);

interface Run {
  readonly execution: Execution;
  readonly spans: Map<string, OpenSpan>;
  /** The very trace that was started: the SDK clones it for its spans. */
  trace: AgentTrace;
  /** The function the trace was made for has not settled; a trace may have none. */
  isScoped: boolean;
  isEnded: boolean;
  result: RunResult | undefined;
  /** Number of the stretch it is in, or waits after: the run of another process has a higher one if it went on. */
  stretch: number;
  readonly failedCalls: FailedCalls;
}

interface OpenSpan {
  readonly execution: Execution;
  /** Something in it told what a model used, so its own sum does not count. */
  hasTokens: boolean;
}

/** The executions of traces and spans of the Agents SDK. */
export class AgentRuns {
  readonly #lifecycle: EngineLifecycle;
  readonly #runs = new Map<string, Run>();
  /** What states that were read say of runs of other processes. */
  readonly #elsewhere = new Map<string, DetachedState>();

  constructor(lifecycle: EngineLifecycle) {
    this.#lifecycle = lifecycle;
  }

  /** The execution whose code runs, by what the SDK keeps beside it. */
  executionIn({ trace, span, previousSpan }: TraceStore): Execution | undefined {
    const run = trace === undefined ? undefined : this.#runs.get(trace.traceId);
    if (run === undefined) return undefined;
    const open = run.spans.get(span?.spanId ?? '') ?? run.spans.get(previousSpan?.spanId ?? '');
    return open?.execution ?? run.execution;
  }

  /** A trace with the id of one that waits is that one: what waited was approved, here or in another process. */
  startTrace(trace: AgentTrace, isScoped: boolean): void {
    const { traceId } = trace;
    const before = this.#elsewhere.get(traceId);
    this.#elsewhere.delete(traceId);
    const known = this.#runs.get(traceId);
    if (known?.execution.isRunning) return;
    if (known !== undefined && (before === undefined || before.spans.segment === known.stretch)) {
      known.trace = trace;
      known.isScoped = isScoped;
      known.isEnded = false;
      known.result = undefined;
      known.stretch++;
      known.execution.resume(APPROVAL);
      return;
    }
    if (known !== undefined) this.#giveUp(traceId, known);
    if (!this.#lifecycle.isOn) return;
    this.#runs.set(traceId, {
      execution: before === undefined ? this.#start(trace) : this.#goOn(before),
      spans: new Map(),
      trace,
      isScoped,
      isEnded: false,
      result: undefined,
      stretch: (before?.spans.segment ?? 0) + 1,
      failedCalls: new FailedCalls(),
    });
    const [oldest] = this.#runs;
    if (this.#runs.size > MAX_TRACES && oldest !== undefined) this.#giveUp(...oldest);
  }

  /** The state of a run is written down, with its trace: one that waits may be gone on with by another process. */
  writeDown(trace: WrittenTrace & { readonly id: string }): void {
    const execution = this.#runs.get(trace.id)?.execution;
    if (execution === undefined || execution.isRunning || execution.recordId === undefined) return;
    putToken(trace, execution.snapshot());
  }

  /** A state was read, with the trace it was written down with: the run is going to be gone on with, or is not. */
  read(trace: WrittenTrace & AgentTrace): void {
    const before = takeToken(trace);
    if (before !== undefined) this.#elsewhere.set(trace.traceId, before);
    const [oldest] = this.#elsewhere.keys();
    if (this.#elsewhere.size > MAX_TRACES && oldest !== undefined) this.#elsewhere.delete(oldest);
  }

  #start(trace: AgentTrace): Execution {
    const { traceId, name, groupId } = trace;
    const given = this.#lifecycle.nameOf(trace);
    return this.#lifecycle.start('pipeline', given ?? name, activeContext(), {
      correlationId: groupId ?? traceId,
    });
  }

  #goOn(before: DetachedState): Execution {
    const execution = this.#lifecycle.attach(before);
    execution.resume(APPROVAL);
    return execution;
  }

  endTrace({ traceId }: AgentTrace): void {
    const run = this.#runs.get(traceId);
    if (run === undefined) return;
    run.isEnded = true;
    if (!run.isScoped) this.#end(traceId, run);
  }

  /** The function a trace was made for is done. The trace of a stream ends later; one that failed never does. */
  settleScope(trace: AgentTrace, result: unknown, thrown?: { readonly error: unknown }): void {
    const { traceId } = trace;
    const run = this.#runs.get(traceId);
    if (run === undefined || run.trace !== trace || !run.isScoped) return;
    run.isScoped = false;
    run.result = typeof result === 'object' && result !== null ? (result as RunResult) : undefined;
    if (run.isEnded || thrown !== undefined) this.#end(traceId, run, thrown);
  }

  startSpan(span: AgentSpan): void {
    const run = this.#runs.get(span.traceId);
    const { spanData } = span;
    if (run === undefined || isWholeRun(spanData)) return;
    const parent = this.#parentOf(run, span);
    // What runs in it may have spans of the application in between.
    const around = context.with(activeContext(), () => parent.contextForChildren());
    const retry = run.failedCalls.retryOf(span);
    if (retry !== undefined) parent.retry(String(retry.attempt));
    const execution = this.#lifecycle.start(kindOf(spanData), nameOf(spanData), around, {
      input: spanData.input,
      ...retry,
    });
    run.spans.set(span.spanId, { execution, hasTokens: false });
  }

  endSpan(span: AgentSpan): void {
    const run = this.#runs.get(span.traceId);
    const open = run?.spans.get(span.spanId);
    if (run === undefined || open === undefined) return;
    run.spans.delete(span.spanId);
    const { execution } = open;
    this.#countTokens(run, span, open);
    if (span.spanData.type === 'function' && span.spanData.input !== undefined) {
      execution.add({ input: span.spanData.input });
    }
    const error = span.error === null ? undefined : errorFrom(span.error);
    if (error !== undefined) run.failedCalls.explain(span, error);
    run.failedCalls.ended(span, execution, error);
    if (isTripped(span.spanData)) execution.reject({ reason: 'policy', detail: nameOf(span.spanData) });
    else if (error !== undefined) fail(execution, error);
    execution.settleReturned();
  }

  #parentOf(run: Run, { parentId }: AgentSpan): Execution {
    return run.spans.get(parentId ?? '')?.execution ?? run.execution;
  }

  #countTokens(run: Run, { spanData, parentId }: AgentSpan, open: OpenSpan): void {
    const tokens = open.hasTokens ? undefined : tokensOf(spanData);
    if (tokens !== undefined) open.execution.add(tokens);
    const around = run.spans.get(parentId ?? '');
    if (around !== undefined && (open.hasTokens || tokens !== undefined)) around.hasTokens = true;
  }

  #end(traceId: string, run: Run, thrown?: { readonly error: unknown }): void {
    const { execution, result } = run;
    if (thrown === undefined && (result?.interruptions?.length ?? 0) > 0) {
      execution.interrupt(APPROVAL, APPROVAL);
      return;
    }
    this.#runs.delete(traceId);
    const failure = thrown ?? streamError(result);
    const open = [...run.spans.values()].reverse();
    for (const each of [...open.map((span) => span.execution), execution]) {
      if (failure !== undefined) fail(each, failure.error);
      each.settleReturned();
    }
  }

  #giveUp(traceId: string, { execution }: Run): void {
    this.#runs.delete(traceId);
    if (execution.isRunning) execution.abandon();
    else execution.detach();
  }
}

function streamError(result: RunResult | undefined): { readonly error: unknown } | undefined {
  const isStream = typeof result?._getStreamLoopPromise === 'function';
  return isStream && result?.error !== null && result?.error !== undefined
    ? { error: result.error }
    : undefined;
}

/** An input that a guardrail did not let in is refused; everything else that is thrown has failed. */
function fail(execution: Execution, error: unknown): void {
  const { type, message } = describeError(error);
  if (type === REFUSAL) execution.reject({ reason: 'policy', detail: message });
  else if (TIMEOUTS.has(type)) execution.end('timeout', error);
  else execution.settleThrown(error);
}

function isTripped(data: SpanData): boolean {
  return data.type === 'guardrail' && (data as { readonly triggered?: unknown }).triggered === true;
}
