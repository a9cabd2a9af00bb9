import { currentExecution } from '../../lifecycle/current-execution.ts';
import { neverThrow } from '../../lifecycle/never-throw.ts';

/** What a LangChain model says it used. `usage_metadata` is what all providers share; before, each had its own. */
interface UsageMetadata {
  readonly input_tokens?: number | undefined;
  readonly output_tokens?: number | undefined;
  readonly input_token_details?: {
    readonly cache_read?: number | undefined;
    readonly cache_creation?: number | undefined;
  };
}

interface ModelResult {
  readonly generations?: readonly (readonly {
    readonly message?: { readonly usage_metadata?: UsageMetadata };
  }[])[];
  readonly llmOutput?: {
    readonly tokenUsage?: { readonly promptTokens?: number; readonly completionTokens?: number };
  } | null;
}

/** LangChain's callbacks, as a list or as its manager. */
interface CallbackManager {
  readonly handlers: readonly unknown[];
  addHandler(handler: unknown, inherit: boolean): void;
  copy(): CallbackManager;
}

/**
 * A callback handler by LangChain's public shape: it hears of nothing but models, and is waited for, so that it is
 * called where the model was. Its tokens go to the execution whose code called the model.
 */
const HANDLER = {
  name: 'runledger',
  awaitHandlers: true,
  raiseError: false,
  ignoreLLM: false,
  ignoreChain: true,
  ignoreAgent: true,
  ignoreRetriever: true,
  ignoreCustomEvent: true,
  handleLLMEnd(result: ModelResult): void {
    neverThrow('the usage of a model', () => countTokens(result));
  },
};

/** The configuration of a node with the handler among its callbacks, where what encloses the node has not added it. */
export function withTokens(config: object | undefined): object {
  const { callbacks } = (config ?? {}) as { readonly callbacks?: readonly unknown[] | CallbackManager };
  if (callbacks === undefined) return { ...config, callbacks: [HANDLER] };
  if (Array.isArray(callbacks))
    return callbacks.includes(HANDLER) ? (config ?? {}) : { ...config, callbacks: [...callbacks, HANDLER] };
  const manager = callbacks as CallbackManager;
  if (manager.handlers.includes(HANDLER)) return config ?? {};
  const copy = manager.copy();
  copy.addHandler(HANDLER, true);
  return { ...config, callbacks: copy };
}

function countTokens({ generations, llmOutput }: ModelResult): void {
  const execution = currentExecution();
  if (execution === undefined) return;
  let isTold = false;
  for (const { message } of generations?.flat() ?? []) {
    const usage = message?.usage_metadata;
    if (usage === undefined) continue;
    isTold = true;
    execution.add({
      tokensIn: usage.input_tokens,
      tokensOut: usage.output_tokens,
      tokensCacheRead: usage.input_token_details?.cache_read,
      tokensCacheWrite: usage.input_token_details?.cache_creation,
    });
  }
  const usage = isTold ? undefined : llmOutput?.tokenUsage;
  if (usage !== undefined) execution.add({ tokensIn: usage.promptTokens, tokensOut: usage.completionTokens });
}
