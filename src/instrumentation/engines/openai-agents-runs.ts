import { context } from '@opentelemetry/api';
import type { Execution } from '../../lifecycle/execution-handle.ts';
import { describeError } from '../../lifecycle/outcome.ts';
import type { EngineLifecycle } from '../engine-lifecycle.ts';
import { activeContext } from './openai-agents-context.ts';
import {
  type AgentSpan,
  errorFrom,
  isWholeRun,
  kindOf,
  nameOf,
  type SpanData,
  tokensOf,
} from './openai-agents-span.ts';

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

interface Run {
  readonly execution: Execution;
  readonly spans: Map<string, OpenSpan>;
  /** The very trace that was started: the SDK clones it for its spans. */
  trace: AgentTrace;
  /** The function the trace was made for has not settled; a trace may have none. */
  isScoped: boolean;
  isEnded: boolean;
  result: RunResult | undefined;
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

  /** A trace with the id of one that waits is that one: what waited was approved. */
  startTrace(trace: AgentTrace, isScoped: boolean): void {
    const { traceId, name, groupId } = trace;
    const known = this.#runs.get(traceId);
    if (known !== undefined) {
      if (known.execution.isRunning) return;
      known.trace = trace;
      known.isScoped = isScoped;
      known.isEnded = false;
      known.result = undefined;
      known.execution.resume(APPROVAL);
      return;
    }
    if (!this.#lifecycle.isOn) return;
    const given = this.#lifecycle.nameOf(trace);
    const execution = this.#lifecycle.start('pipeline', given ?? name, activeContext(), {
      correlationId: groupId ?? traceId,
    });
    this.#runs.set(traceId, {
      execution,
      spans: new Map(),
      trace,
      isScoped,
      isEnded: false,
      result: undefined,
    });
    const [oldest] = this.#runs;
    if (this.#runs.size > MAX_TRACES && oldest !== undefined) this.#giveUp(...oldest);
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
    const execution = this.#lifecycle.start(kindOf(spanData), nameOf(spanData), around, {
      input: spanData.input,
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
    if (isTripped(span.spanData)) execution.reject({ reason: 'policy', detail: nameOf(span.spanData) });
    else if (span.error !== null) fail(execution, errorFrom(span.error));
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
  else execution.settleThrown(error);
}

function isTripped(data: SpanData): boolean {
  return data.type === 'guardrail' && (data as { readonly triggered?: unknown }).triggered === true;
}
