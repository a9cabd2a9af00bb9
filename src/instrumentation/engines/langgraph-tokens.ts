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

/** What a node is made of. One that is a function has it as `func`; what follows it writes to the state. */
interface NodeRunnable {
  readonly first?: NodeRunnable | undefined;
  readonly func?: ((input: unknown, config?: NodeConfig) => unknown) | undefined;
  readonly nodes?: unknown;
  invoke(input: unknown, config?: NodeConfig): Promise<unknown>;
}

interface NodeConfig {
  callbacks?: Callbacks;
}

type Callbacks = readonly unknown[] | CallbackManager | undefined;

/**
 * A runnable as `runnable`, whose models have the handler among their callbacks. It is added as far inside as it goes:
 * a runnable with callbacks makes LangChain describe each of its parts to them, which costs more than the engine
 * itself does for a node.
 */
export function countingTokens<R extends object>(runnable: R): R {
  const { first } = runnable as NodeRunnable;
  if (first === undefined) return countingNode(runnable as unknown as NodeRunnable) as R;
  const counting = countingNode(first);
  if (counting === first) return runnable;
  // A copy costs less than an object that inherits from one made for this task alone.
  const copy = Object.create(Object.getPrototypeOf(runnable)) as object;
  return Object.assign(copy, runnable, { first: counting });
}

/** The same for every task of a node. */
const countingNodes = new WeakMap<NodeRunnable, NodeRunnable>();

function countingNode(node: NodeRunnable): NodeRunnable {
  // A graph has nodes of its own, which are made to count one by one.
  if (node.nodes !== undefined) return node;
  const known = countingNodes.get(node);
  if (known !== undefined) return known;
  const counting = coveredNode(node);
  countingNodes.set(node, counting);
  return counting;
}

function coveredNode(node: NodeRunnable): NodeRunnable {
  const { func } = node;
  if (typeof func !== 'function') {
    const invoke = (input: unknown, config?: NodeConfig) =>
      node.invoke(input, { ...config, callbacks: withHandler(config?.callbacks) });
    return Object.create(node, { invoke: { value: invoke } }) as NodeRunnable;
  }
  const counting = function (this: unknown, input: unknown, config?: NodeConfig) {
    // Made for this call, and also what a model finds that is not given it.
    if (config !== undefined) {
      neverThrow('callbacks of langgraph', () => {
        config.callbacks = withHandler(config.callbacks);
      });
    }
    return func.call(this, input, config);
  };
  return Object.create(node, { func: { value: counting } }) as NodeRunnable;
}

function withHandler(callbacks: Callbacks): Callbacks {
  if (callbacks === undefined) return [HANDLER];
  if ('copy' in callbacks) {
    if (callbacks.handlers.includes(HANDLER)) return callbacks;
    const copy = callbacks.copy();
    copy.addHandler(HANDLER, true);
    return copy;
  }
  return callbacks.includes(HANDLER) ? callbacks : [...callbacks, HANDLER];
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
