import { neverThrow } from '../../lifecycle/never-throw.ts';
import { countingTokens } from './langgraph-tokens.ts';

/** The part of a compiled graph that is read. A graph is a runnable of LangChain. */
export interface CompiledGraph {
  readonly name?: string | undefined;
  readonly nodes: Readonly<Record<string, unknown>>;
  readonly retryPolicy?: RetryPolicy | undefined;
  readonly checkpointer?: unknown;
  getName(): string;
}

export interface RetryPolicy {
  readonly maxAttempts?: number | undefined;
}

/** How a run is called: LangChain's configuration. */
export interface GraphConfig {
  readonly configurable?: Readonly<Record<string, unknown>> | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly runName?: string | undefined;
  readonly tags?: readonly string[] | undefined;
}

/** A node, or a task of the functional API, about to be executed: `proc.invoke` is called for each attempt. */
export interface LoopTask {
  readonly id: string;
  readonly name: unknown;
  readonly input?: unknown;
  readonly config?: GraphConfig | undefined;
  readonly retry_policy?: RetryPolicy | undefined;
  /** How long an attempt may take, in newer versions. Milliseconds. */
  readonly timeout?: { readonly runTimeout?: number | undefined } | undefined;
  proc: TaskRunnable;
}

interface TaskRunnable {
  invoke(input: unknown, config?: GraphConfig): Promise<unknown>;
}

type Write = readonly [channel: string, value: unknown];

/** A write that was kept because its superstep did not end: id of the task, channel, value. */
export type PendingWrite = readonly [taskId: string, ...Write];

/** The channel in which the engine keeps that a task failed, for good, with the name and the message of the error. */
export const ERROR = '__error__';

/** The execution of one graph, as the engine has it since 0.2.46. */
export interface PregelLoop {
  readonly isNested: boolean;
  readonly status?: string | undefined;
  readonly config?: GraphConfig | undefined;
  readonly tasks: Readonly<Record<string, LoopTask>>;
  readonly checkpointer?: unknown;
  readonly checkpoint: { readonly id: string };
  readonly checkpointMetadata?: Record<string, unknown> | undefined;
  readonly checkpointPendingWrites?: readonly PendingWrite[] | undefined;
  readonly checkpointerPromises?: Iterable<Promise<unknown>> | undefined;
  readonly _checkpointerChainedPromise?: Promise<unknown> | undefined;
  tick(this: PregelLoop, ...args: unknown[]): Promise<boolean>;
  acceptPush?(this: PregelLoop, ...args: unknown[]): unknown;
  scheduleErrorHandler?(this: PregelLoop, ...args: unknown[]): unknown;
  putWrites?(this: PregelLoop, taskId: string, writes: readonly Write[], ...more: unknown[]): unknown;
  _checkpointerPutAfterPrevious?(this: PregelLoop, input: CheckpointInput): unknown;
}

interface CheckpointInput {
  readonly checkpoint?: { readonly id?: string } | undefined;
  readonly metadata?: Readonly<Record<string, unknown>> | undefined;
}

/** What tells an attempt to stop: `own` where the task has a limit of its own, which aborts nothing else. */
export interface StopSignals {
  readonly own: AbortSignal | undefined;
  readonly ofRun: AbortSignal | undefined;
}

/** Runs one attempt of a task. `isCall`: it was called by name from code, as the functional API does. */
export type RunAttempt = (
  task: LoopTask,
  isCall: boolean,
  work: () => Promise<unknown>,
  signals: StopSignals,
) => Promise<unknown>;

/**
 * Has each attempt of each task of a loop run through `runAttempt`. The loop is one execution's own object, so its
 * methods are covered on it, not on their prototype, and a task's runnable by one that only invokes differently.
 */
export function followTasks(loop: PregelLoop, runAttempt: RunAttempt): void {
  const cover = (task: LoopTask | undefined, isCall: boolean) =>
    neverThrow('a task of langgraph', () => coverTask(task, isCall));
  const coverTask = (task: LoopTask | undefined, isCall: boolean) => {
    if (typeof task?.proc?.invoke !== 'function' || covered.has(task.proc)) return;
    const counting = isHidden(task) ? task.proc : countingTokens(task.proc);
    const { invoke } = counting;
    const attempt = (input: unknown, config?: GraphConfig) =>
      runAttempt(task, isCall, () => invoke.call(counting, input, config), {
        own: config?.signal,
        ofRun: abortSignals(loop)?.composedAbortSignal,
      });
    // A copy was made for this task alone; what the application made is covered by what inherits from it.
    const isCopy = counting !== task.proc && 'first' in counting;
    if (isCopy) counting.invoke = attempt;
    task.proc = isCopy ? counting : (Object.create(counting, { invoke: { value: attempt } }) as TaskRunnable);
    covered.add(task.proc);
  };
  const { tick, acceptPush, scheduleErrorHandler } = loop;
  loop.tick = async function (...args) {
    const goesOn = await tick.apply(this, args);
    if (goesOn) for (const task of Object.values(this.tasks)) cover(task, false);
    return goesOn;
  };
  const coverResult = (method: (...args: unknown[]) => unknown, isCall: boolean) =>
    function (this: PregelLoop, ...args: unknown[]): unknown {
      const result = method.apply(this, args);
      if (!(result instanceof Promise)) {
        cover(result as LoopTask | undefined, isCall);
        return result;
      }
      return result.then((task: LoopTask | undefined) => {
        cover(task, isCall);
        return task;
      });
    };
  if (acceptPush !== undefined) loop.acceptPush = coverResult(acceptPush, true);
  if (scheduleErrorHandler !== undefined)
    loop.scheduleErrorHandler = coverResult(scheduleErrorHandler, false);
}

/** Tells what the engine takes a task's failure for, which is not always what its node threw, or whether it did. */
export function followFailures(loop: PregelLoop, failed: (taskId: string, error: Error) => void): void {
  const { putWrites } = loop;
  if (putWrites === undefined) return;
  loop.putWrites = function (taskId, writes, ...more) {
    neverThrow('a failure of langgraph', () => {
      const [, kept] = writes.find(([channel]) => channel === ERROR) ?? [];
      if (kept !== undefined) failed(taskId, errorFrom(kept as KeptError));
    });
    return putWrites.call(this, taskId, writes, ...more);
  };
}

interface KeptError {
  readonly name?: string | undefined;
  readonly message?: string | undefined;
}

function errorFrom({ name, message }: KeptError): Error {
  const error = new Error(message);
  if (name !== undefined) error.name = name;
  // Made here: where it was thrown is not known.
  delete error.stack;
  return error;
}

/** The signals the engine runs a loop with. */
interface AbortSignals {
  readonly timeoutAbortSignal?: AbortSignal | undefined;
  readonly composedAbortSignal?: AbortSignal | undefined;
}

export function abortSignals({ config }: PregelLoop): AbortSignals | undefined {
  return config?.configurable?.__pregel_abort_signals as AbortSignals | undefined;
}

/** What the engine adds for itself, and hides from tracing. */
export function isHidden({ name, config }: LoopTask): boolean {
  return String(name).startsWith('__') || config?.tags?.includes('langsmith:hidden') === true;
}

const covered = new WeakSet<object>();

/** Adds to the metadata of each checkpoint the loop keeps, and tells when it is kept. */
export function followCheckpoints(
  loop: PregelLoop,
  metadata: () => Readonly<Record<string, unknown>>,
  kept: (checkpointId: string) => void,
): void {
  const put = loop._checkpointerPutAfterPrevious;
  if (put === undefined) return;
  loop._checkpointerPutAfterPrevious = function (input) {
    let own: Readonly<Record<string, unknown>> | undefined;
    neverThrow('the metadata of a checkpoint', () => {
      own = metadata();
    });
    const result = put.call(this, { ...input, metadata: { ...input.metadata, ...own } });
    const id = input.checkpoint?.id;
    if (id !== undefined)
      this._checkpointerChainedPromise?.then(
        () => kept(id),
        () => undefined,
      );
    return result;
  };
}
