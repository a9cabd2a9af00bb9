import type { ExecutionKind } from '../../execution.ts';
import type { Work } from '../../lifecycle/execution-options.ts';

/** What the AI SDK publishes on its channel. `error` and `result` are Node's, `event` is what its telemetry gets too. */
export interface AiMessage {
  readonly type: string;
  readonly event: AiEvent;
  readonly error?: unknown;
  readonly result?: unknown;
}

/** The part of an event that is read. What an application does not want recorded is not in it. */
export interface AiEvent {
  /** The same for everything a call of `generateText` or `streamText` does. */
  readonly callId?: string | undefined;
  /** The name an application gives a call: `telemetry: { functionId }`. */
  readonly functionId?: string | undefined;
  readonly modelId?: string | undefined;
  readonly maxRetries?: number | undefined;
  /** From 0. */
  readonly stepNumber?: number | undefined;
  readonly messages?: unknown;
  readonly value?: unknown;
  readonly values?: unknown;
  readonly toolCall?: ToolCall | undefined;
  readonly usage?: Usage | undefined;
  /** What a step came to. */
  readonly content?: readonly ContentPart[] | undefined;
}

interface ToolCall {
  readonly toolName?: string | undefined;
  readonly input?: unknown;
}

interface ContentPart {
  readonly type?: unknown;
  readonly approved?: unknown;
  readonly reason?: unknown;
  readonly toolCall?: ToolCall | undefined;
}

/** A call of a tool that was not let through. */
export interface Denial {
  readonly name: string;
  readonly detail: string | undefined;
}

/** What is used, as the SDK tells it, as model providers of its newest generation do, and for embeddings. */
interface Usage {
  readonly inputTokens?: number | TokenCounts | undefined;
  readonly outputTokens?: number | TokenCounts | undefined;
  readonly inputTokenDetails?:
    | { readonly cacheReadTokens?: number | undefined; readonly cacheWriteTokens?: number | undefined }
    | undefined;
  readonly tokens?: number | undefined;
}

interface TokenCounts {
  readonly total?: number | undefined;
  readonly cacheRead?: number | undefined;
  readonly cacheWrite?: number | undefined;
}

/** What a message is an execution of. */
export interface Described {
  readonly kind: ExecutionKind;
  readonly name: string;
  readonly input: unknown;
}

/** The calls that run in steps; every other type is one call of a model. */
const PIPELINES: ReadonlySet<string> = new Set(['generateText', 'streamText']);

export function describeMessage({ type, event }: AiMessage): Described {
  if (PIPELINES.has(type)) return { kind: 'pipeline', name: event.functionId ?? type, input: event.messages };
  if (type === 'step')
    return { kind: 'process', name: `step ${(event.stepNumber ?? 0) + 1}`, input: undefined };
  if (type === 'executeTool') {
    return { kind: 'step', name: event.toolCall?.toolName ?? type, input: event.toolCall?.input };
  }
  if (type === 'languageModelCall')
    return { kind: 'step', name: event.modelId ?? type, input: event.messages };
  return { kind: 'step', name: event.functionId ?? type, input: event.value ?? event.values };
}

/** The tokens a usage speaks of; undefined where it speaks of none. */
export function tokensOf(usage: Usage | undefined): Work | undefined {
  if (usage === undefined || usage === null) return undefined;
  const { inputTokens, outputTokens, inputTokenDetails, tokens } = usage;
  const input = countsOf(inputTokens ?? tokens);
  return {
    tokensIn: input?.total,
    tokensOut: countsOf(outputTokens)?.total,
    tokensCacheRead: input?.cacheRead ?? inputTokenDetails?.cacheReadTokens,
    tokensCacheWrite: input?.cacheWrite ?? inputTokenDetails?.cacheWriteTokens,
  };
}

function countsOf(tokens: number | TokenCounts | undefined): TokenCounts | undefined {
  return typeof tokens === 'number' ? { total: tokens } : tokens;
}

/** The error of a tool: the SDK gives it to the model and goes on, so it is a result. */
export function toolErrorIn(result: unknown): { readonly error: unknown } | undefined {
  const output = (
    result as { readonly output?: { readonly type?: unknown; readonly error?: unknown } } | undefined
  )?.output;
  return output?.type === 'tool-error' ? { error: output.error } : undefined;
}

/** The calls of tools that a step did not make, since what the application says of approval denies them. */
export function denialsIn({ content = [] }: AiEvent): readonly Denial[] {
  return content
    .filter(({ type, approved }) => type === 'tool-approval-response' && approved === false)
    .map(({ toolCall, reason }) => ({
      name: toolCall?.toolName ?? 'executeTool',
      detail: typeof reason === 'string' ? reason : undefined,
    }));
}
