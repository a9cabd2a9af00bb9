import type { Context, Span } from '@opentelemetry/api';
import type { EngineName } from '../engines.ts';
import type { ExecutionKind } from '../execution.ts';
import { captureInput } from '../lifecycle/capture.ts';
import { executionFromState } from '../lifecycle/detached-execution.ts';
import type { DetachedState } from '../lifecycle/detached-state.ts';
import { Execution } from '../lifecycle/execution-handle.ts';
import type { ExecutionOptions } from '../lifecycle/execution-options.ts';
import { describeError } from '../lifecycle/outcome.ts';
import { report } from '../lifecycle/report.ts';
import { ATTR_ENGINE } from '../semconv.ts';
import { engineOptions } from './engine-switches.ts';

/** How an adapter makes executions of what its engine does. */
export class EngineLifecycle {
  readonly engine: EngineName;

  constructor(engine: EngineName) {
    this.engine = engine;
  }

  /** False while nobody wants to know: the adapter then leaves the engine to itself. */
  get isOn(): boolean {
    return engineOptions(this.engine) !== undefined;
  }

  /**
   * Starts an execution in a context. The adapter runs the engine's work in its context and settles it, once, with
   * `settleReturned` or `settleThrown`; until then the work itself may say how it is going to end.
   */
  start(kind: ExecutionKind, name: string, parent: Context, options?: ExecutionOptions): Execution {
    return new Execution(kind, name, this.#optionsOf(options), parent, true);
  }

  /**
   * The same for a span the engine starts and ends by itself, in the context where it is active: it becomes the
   * execution's, and is to be settled before the engine ends it. No span is added.
   */
  adopt(
    span: Span,
    kind: ExecutionKind,
    name: string,
    parent: Context,
    options?: ExecutionOptions,
  ): Execution {
    return new Execution(kind, name, this.#optionsOf(options), parent, true, { adopted: span });
  }

  /** Goes on with an execution whose token the engine kept with its own state. */
  attach(state: DetachedState): Execution {
    return executionFromState(state, true);
  }

  #optionsOf(options: ExecutionOptions = {}): ExecutionOptions {
    const { input, attributes, ...rest } = options;
    const mode = engineOptions(this.engine)?.captureInput;
    const ownInput = mode === undefined ? { input } : undefined;
    const captured = mode === undefined || input === undefined ? undefined : captureInput(input, mode);
    return { ...rest, ...ownInput, attributes: { [ATTR_ENGINE]: this.engine, ...attributes, ...captured } };
  }

  /** The name the application gives a run; undefined where it gives none. */
  nameOf(run: object): string | undefined {
    try {
      const name = engineOptions(this.engine)?.name?.(run);
      return typeof name === 'string' && name !== '' ? name : undefined;
    } catch (error) {
      report('warn', `runledger: the name of a ${this.engine} run threw ${describeError(error).type}`);
      return undefined;
    }
  }
}
