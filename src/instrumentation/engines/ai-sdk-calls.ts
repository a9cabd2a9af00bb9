import { context, type SpanContext } from '@opentelemetry/api';
import { activateContext } from '../../lifecycle/activate-context.ts';
import { currentExecution } from '../../lifecycle/current-execution.ts';
import type { Execution } from '../../lifecycle/execution-handle.ts';
import { type ExecutionOptions, RETRY_TRAIL } from '../../lifecycle/execution-options.ts';
import type { EngineLifecycle } from '../engine-lifecycle.ts';
import {
  type AiEvent,
  type AiMessage,
  type Denial,
  denialsIn,
  describeMessage,
  tokensOf,
  toolErrorIn,
} from './ai-sdk-message.ts';

/** Calls whose end is waited for at once: the stream of one that nobody reads never ends. */
const MAX_CALLS = 10_000;

/** What the SDK throws where a stream broke before there was anything; what broke it was told before. */
const NO_OUTPUT = 'AI_NoOutputGeneratedError';

/** An execution whose end is going to be told. */
interface Operation {
  readonly execution: Execution;
  readonly call: AiCall | undefined;
  /** What it is done in. */
  readonly around: Execution | undefined;
  leave: (() => void) | undefined;
}

/** A call of `generateText` or `streamText`, with its steps. */
interface AiCall {
  readonly pipeline: Execution;
  readonly isStream: boolean;
  readonly maxAttempts: number;
  /** Steps that are open, by number. */
  readonly steps: Map<number, Execution>;
  failure?: { readonly error: unknown } | undefined;
}

/** The model calls of one step: one that failed is tried again. */
interface ModelCalls {
  attempts: number;
  previous: SpanContext | undefined;
}

/** The executions the messages on the SDK's channel speak of. State hangs on the messages. */
export class AiSdkCalls {
  readonly #lifecycle: EngineLifecycle;
  readonly #operations = new WeakMap<object, Operation>();
  readonly #modelCalls = new WeakMap<Execution, ModelCalls>();
  readonly #calls = new Map<string, AiCall>();

  constructor(lifecycle: EngineLifecycle) {
    this.#lifecycle = lifecycle;
  }

  /** The work is about to be called. */
  start(message: AiMessage): void {
    if (!this.#lifecycle.isOn) return;
    const { kind, name, input } = describeMessage(message);
    const { event, type } = message;
    const given = kind === 'pipeline' ? this.#lifecycle.nameOf(event) : undefined;
    const around = currentExecution();
    const options = type === 'languageModelCall' ? this.#attemptOf(event, around) : undefined;
    const execution = this.#lifecycle.start(kind, given ?? name, context.active(), { ...options, input });
    const call = kind === 'pipeline' ? this.#open(message, execution) : this.#callOf(event);
    if (type === 'step') call?.steps.set(event.stepNumber ?? 0, execution);
    this.#operations.set(message, { execution, call, around, leave: activateContext(execution.context) });
  }

  /** The work was called: what it does from here on is in the context that was active then. */
  leave(message: AiMessage): void {
    const operation = this.#operations.get(message);
    operation?.leave?.();
    if (operation !== undefined) operation.leave = undefined;
  }

  /** The work is done. */
  settle(message: AiMessage): void {
    const operation = this.#operations.get(message);
    if (operation === undefined) return;
    this.#operations.delete(message);
    const { execution, call, around } = operation;
    const { type, event } = message;
    if (type === 'step') call?.steps.delete(event.stepNumber ?? 0);
    if (call?.pipeline === execution) {
      this.#close(call, message);
      return;
    }
    const failure = 'error' in message ? { error: message.error } : toolErrorIn(message.result);
    if (type === 'languageModelCall') this.#modelAnswered(around, call, failure);
    if (failure !== undefined) {
      execution.settleThrown(failure.error);
      return;
    }
    const tokens =
      type === 'executeTool' || type === 'step' ? undefined : tokensOf((message.result as AiEvent)?.usage);
    if (tokens !== undefined) execution.add(tokens);
    execution.settleReturned();
  }

  /** A step is over. Of a stream nobody else tells what it used, since its model call ended when it began. */
  stepEnded(event: AiEvent): void {
    const call = this.#callOf(event);
    const step = call?.steps.get(event.stepNumber ?? 0);
    if (step === undefined) return;
    for (const denial of denialsIn(event)) this.#deny(step, denial);
    const tokens = call?.isStream === true ? tokensOf(event.usage) : undefined;
    if (tokens !== undefined) step.add(tokens);
  }

  /** Nobody else tells of a tool that is not called. What it was asked for may be nothing to record. */
  #deny(step: Execution, { name, detail }: Denial): void {
    const execution = this.#lifecycle.start('step', name, step.context);
    execution.reject({ reason: 'policy', ...(detail !== undefined && { detail }) });
    execution.settleReturned();
  }

  #open({ type, event }: AiMessage, pipeline: Execution): AiCall {
    const call: AiCall = {
      pipeline,
      isStream: type === 'streamText',
      maxAttempts: (event.maxRetries ?? 0) + 1,
      steps: new Map(),
    };
    if (event.callId !== undefined) this.#calls.set(event.callId, call);
    const [oldest] = this.#calls;
    if (this.#calls.size > MAX_CALLS && oldest !== undefined) {
      this.#calls.delete(oldest[0]);
      cancel(oldest[1]);
    }
    return call;
  }

  #callOf({ callId }: AiEvent): AiCall | undefined {
    return callId === undefined ? undefined : this.#calls.get(callId);
  }

  /** Steps of a stream that broke are not told to be over. */
  #close(call: AiCall, message: AiMessage): void {
    const { callId } = message.event;
    if (callId !== undefined) this.#calls.delete(callId);
    if (!('error' in message)) {
      for (const step of call.steps.values()) step.settleReturned();
      call.pipeline.settleReturned();
      return;
    }
    const isUntold = (message.error as { readonly name?: unknown } | undefined)?.name === NO_OUTPUT;
    const { error } = (isUntold ? call.failure : undefined) ?? message;
    for (const step of call.steps.values()) step.settleThrown(error);
    call.pipeline.settleThrown(error);
  }

  #attemptOf(event: AiEvent, step: Execution | undefined): ExecutionOptions | undefined {
    if (step === undefined) return undefined;
    const before = this.#modelCalls.get(step) ?? { attempts: 0, previous: undefined };
    this.#modelCalls.set(step, before);
    const attempt = ++before.attempts;
    if (attempt > 1) step.retry(String(attempt));
    const maxAttempts = this.#callOf(event)?.maxAttempts ?? 1;
    const trail = {
      previous: before.previous,
      started: (_: unknown, span: SpanContext) => {
        before.previous = span;
      },
    };
    return {
      attempt,
      ...(maxAttempts > 1 && { maxAttempts, final: attempt === maxAttempts, [RETRY_TRAIL]: trail }),
    };
  }

  /** After an answer the next call of the step is no attempt of this one. */
  #modelAnswered(
    step: Execution | undefined,
    call: AiCall | undefined,
    failure: { readonly error: unknown } | undefined,
  ): void {
    if (call !== undefined) call.failure = failure;
    if (failure === undefined && step !== undefined) this.#modelCalls.delete(step);
  }
}

function cancel({ pipeline, steps }: AiCall): void {
  for (const execution of [...steps.values(), pipeline]) {
    execution.end('cancellation');
    execution.settleReturned();
  }
}
