import type { Execution } from '../../lifecycle/execution-handle.ts';
import type { ExecutionOptions } from '../../lifecycle/execution-options.ts';
import { linksTo } from '../../lifecycle/links.ts';
import { type AgentSpan, isModelCall } from './openai-agents-span.ts';

interface FailedCall {
  readonly execution: Execution;
  readonly error: Error;
}

/** The calls of models that failed in a run, by the span they are in: the next one there is another attempt. */
export class FailedCalls {
  readonly #calls = new Map<string | null, FailedCall>();

  /** What makes a span the next attempt of the call before it; undefined where it is the first. */
  retryOf({ parentId, spanData }: AgentSpan): (ExecutionOptions & { readonly attempt: number }) | undefined {
    const failed = isModelCall(spanData) ? this.#calls.get(parentId)?.execution : undefined;
    if (failed === undefined) return undefined;
    return { attempt: failed.attempt + 1, links: linksTo('retry', failed.span.spanContext()) };
  }

  ended({ parentId, spanData }: AgentSpan, execution: Execution, error: Error | undefined): void {
    if (!isModelCall(spanData)) return;
    if (error === undefined) this.#calls.delete(parentId);
    else this.#calls.set(parentId, { execution, error });
  }

  /** Of what a call threw the SDK keeps the message alone, and its type with the span around it: they are one error. */
  explain({ spanId }: AgentSpan, error: Error): void {
    const call = this.#calls.get(spanId);
    this.#calls.delete(spanId);
    if (call?.error.message === error.message) error.cause = call.error;
  }
}
