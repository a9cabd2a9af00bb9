import type { ExecutionKind } from '../../execution.ts';
import type { Work } from '../../lifecycle/execution-options.ts';

/** A span of the Agents SDK, as far as it is read. */
export interface AgentSpan {
  readonly spanId: string;
  readonly traceId: string;
  readonly parentId: string | null;
  readonly spanData: SpanData;
  readonly error: SpanError | null;
}

export interface SpanData {
  readonly type: string;
  readonly name?: string | undefined;
  readonly turn?: number | undefined;
  readonly model?: string | undefined;
  readonly input?: unknown;
  readonly usage?: Usage | undefined;
  readonly _response?: { readonly usage?: Usage | undefined } | undefined;
}

/** The SDK keeps of an error what it prints: `RangeError: no such town`. */
export interface SpanError {
  readonly message: string;
  readonly data?: { readonly error?: unknown } | undefined;
}

/** In the names of the API, and in those of the SDK. */
interface Usage {
  readonly input_tokens?: number | undefined;
  readonly output_tokens?: number | undefined;
  readonly cached_input_tokens?: number | undefined;
  readonly cache_write_input_tokens?: number | undefined;
  readonly input_tokens_details?: { readonly cached_tokens?: number | undefined } | undefined;
}

/** The name of the class of what is thrown where the time of a tool is over. */
export const TOOL_TIMEOUT = 'ToolTimeoutError';

/** The types that call a model; a call that failed may be tried again. */
const MODEL_CALLS: ReadonlySet<string> = new Set(['generation', 'response']);

export function isModelCall({ type }: SpanData): boolean {
  return MODEL_CALLS.has(type);
}

/** The types that have parts. A task is the whole of a run once more, and left to its trace. */
const PROCESSES: ReadonlySet<string> = new Set(['agent', 'turn']);

export function isWholeRun({ type }: SpanData): boolean {
  return type === 'task';
}

export function kindOf({ type }: SpanData): ExecutionKind {
  return PROCESSES.has(type) ? 'process' : 'step';
}

export function nameOf({ type, name, turn, model }: SpanData): string {
  return type === 'turn' ? `turn ${turn ?? 1}` : (name ?? model ?? type);
}

/** The tokens a span speaks of; undefined where it speaks of none. */
export function tokensOf({ usage, _response }: SpanData): Work | undefined {
  const used = usage ?? _response?.usage;
  if (used === undefined || used === null) return undefined;
  return {
    tokensIn: used.input_tokens,
    tokensOut: used.output_tokens,
    tokensCacheRead: used.cached_input_tokens ?? used.input_tokens_details?.cached_tokens,
    tokensCacheWrite: used.cache_write_input_tokens,
  };
}

/** What the SDK says of a tool whose time is over; the error has no name of its own. */
const TIMED_OUT = /^Tool '[\s\S]*' timed out after \d+ms\.$/;

/** The error again, with its own name and message, from what the SDK kept of it. */
export function errorFrom({ message, data }: SpanError): Error {
  const printed = typeof data?.error === 'string' ? data.error : message;
  const [, name, rest = printed] = /^([A-Za-z_$][\w$]*): ([\s\S]*)$/.exec(printed) ?? [];
  const error = new Error(rest);
  const ownName = TIMED_OUT.test(rest) ? TOOL_TIMEOUT : name;
  if (ownName !== undefined) error.name = ownName;
  // Made here: where it was thrown is not known.
  delete error.stack;
  return error;
}
