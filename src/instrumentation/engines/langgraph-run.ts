import type { Execution } from '../../lifecycle/execution-handle.ts';
import type { SharedRecord } from '../../lifecycle/shared-record.ts';
import type { EngineLifecycle } from '../engine-lifecycle.ts';
import { type ErrorMeaning, meaningOf } from './langgraph-errors.ts';
import {
  type CompiledGraph,
  followCheckpoints,
  followFailures,
  followTasks,
  isHidden,
  type LoopTask,
  type PregelLoop,
  type RetryPolicy,
} from './langgraph-loop.ts';
import { GraphTask, type TaskRun } from './langgraph-task.ts';
import { metadataOf, recordOfTask, waitingTasks } from './langgraph-thread.ts';

/** What a run ended with, where that is an error. */
export interface Thrown {
  readonly error: unknown;
}

/** Where a run comes from that another process began. */
export interface Elsewhere {
  /** Number of the newest stretch there. */
  readonly stretch: number;
  /** Since when it waits. Milliseconds since the Unix epoch. */
  readonly since: number;
}

/**
 * The executions of one run of a graph, from its first invocation to its end: the pipeline and its tasks, those of
 * nested graphs included. An invocation that ends in an interrupt leaves the run suspended; the one that resumes it
 * goes on with it.
 */
export class GraphRun implements TaskRun {
  readonly lifecycle: EngineLifecycle;
  readonly execution: Execution;
  readonly retryPolicy: RetryPolicy | undefined;
  readonly #elsewhere: Elsewhere | undefined;
  readonly #byTask = new WeakMap<LoopTask, GraphTask>();
  /** Tasks that are open, and tasks that wait, by their ids. */
  readonly #open = new Map<string, GraphTask>();
  #stretch: number;
  #interrupts: readonly string[] = [];
  /** Ids of what this invocation's tasks wait for. */
  readonly #raised = new Set<string>();

  constructor(lifecycle: EngineLifecycle, execution: Execution, graph: CompiledGraph, elsewhere?: Elsewhere) {
    this.lifecycle = lifecycle;
    this.execution = execution;
    this.retryPolicy = graph.retryPolicy;
    this.#elsewhere = elsewhere;
    this.#stretch = (elsewhere?.stretch ?? 0) + 1;
  }

  /** Number of the stretch it is in, or waits after: the run of another process has a higher one if it went on. */
  get stretch(): number {
    return this.#stretch;
  }

  /** Follows the execution of its graph, or of one nested in it. */
  follow(loop: PregelLoop, graph: CompiledGraph): void {
    const isWorkflow = isFunctional(graph);
    const recordOf = this.#recordsOf(loop);
    followFailures(loop, (taskId, error) => this.#open.get(taskId)?.failed(error));
    followTasks(loop, (task, isCall, work, signals) => {
      const result =
        isHidden(task) || (isWorkflow && !isCall)
          ? work()
          : this.#taskOf(task, recordOf).attempt(work, signals);
      if (!loop.isNested) result.catch((error: unknown) => this.#raisedBy(error, task));
      return result;
    });
    if (loop.isNested || loop.checkpointer === undefined) return;
    followCheckpoints(
      loop,
      () => metadataOf(this.execution),
      (id) => this.execution.checkpoint(id),
    );
  }

  /** The next invocation goes on with it. */
  resume(): void {
    const ids = this.#interrupts;
    this.#interrupts = [];
    this.#raised.clear();
    this.#stretch++;
    for (const id of ids) this.execution.resume(id);
  }

  /** The invocation is over. True where the run waits: for what its tasks raised, or at a breakpoint of the graph. */
  suspend(breakpoint: string | undefined): boolean {
    const isRaised = this.#raised.size > 0;
    if (!isRaised && breakpoint === undefined) return false;
    this.#interrupts = isRaised ? [...this.#raised] : [String(breakpoint)];
    for (const id of this.#interrupts) this.execution.interrupt(id, isRaised ? 'interrupt' : 'breakpoint');
    return true;
  }

  /** The run is over. What is open still ends before it. */
  end(thrown?: Thrown, meaning?: ErrorMeaning): void {
    const failure = meaning?.kind === 'failure' ? meaning : undefined;
    const outcome = failure?.outcome === 'timeout' ? 'timeout' : 'cancellation';
    for (const task of [...this.#open.values()].reverse()) task.abandon(failure ?? thrown, outcome);
    if (thrown === undefined || meaning?.kind === 'control') {
      this.execution.settleReturned();
      return;
    }
    const error = failure === undefined ? thrown.error : failure.error;
    if (failure?.outcome !== undefined) this.execution.end(failure.outcome, error);
    this.execution.settleThrown(error);
  }

  /** Nobody is going to go on with it: it was left, or its thread went another way. */
  cancel(): void {
    this.execution.end('cancellation');
    this.end();
  }

  opened(task: GraphTask): void {
    this.#open.set(task.id, task);
  }

  closed(task: GraphTask): void {
    if (!task.isWaiting && this.#open.get(task.id) === task) this.#open.delete(task.id);
  }

  #taskOf(task: LoopTask, recordOf: RecordOf): GraphTask {
    let known = this.#byTask.get(task) ?? this.#waitingTask(task);
    known ??= new GraphTask(task, this, recordOf(task.id));
    this.#byTask.set(task, known);
    return known;
  }

  /** The engine makes a task again to go on with it, under the id it had. */
  #waitingTask(task: LoopTask): GraphTask | undefined {
    const open = this.#open.get(task.id);
    return open?.isWaiting === true ? open : undefined;
  }

  /** Where checkpoints are kept, another process may go on with a task that waits. */
  #recordsOf(loop: PregelLoop): RecordOf {
    if (loop.checkpointer === undefined) return () => undefined;
    const { runId } = this.execution;
    const elsewhere = this.#elsewhere;
    const waiting = elsewhere === undefined ? undefined : waitingTasks(loop);
    return (taskId) => {
      const times = waiting?.get(taskId);
      const resumed =
        times === undefined || elsewhere === undefined ? undefined : { times, since: elsewhere.since };
      return recordOfTask(runId, taskId, loop.checkpoint.id, resumed);
    };
  }

  #raisedBy(error: unknown, task: LoopTask): void {
    const meaning = meaningOf(error, task.id, []);
    if (meaning.kind !== 'interrupt') return;
    for (const id of meaning.ids) this.#raised.add(id);
  }
}

type RecordOf = (taskId: string) => SharedRecord | undefined;

/** A workflow of the functional API: its one node is the workflow itself. */
function isFunctional({ nodes, name }: CompiledGraph): boolean {
  const names = Object.keys(nodes);
  return names.length === 1 && names[0] === name;
}
