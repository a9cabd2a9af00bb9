import { context } from '@opentelemetry/api';
import { currentExecution } from '../../lifecycle/current-execution.ts';
import type { DetachedState } from '../../lifecycle/detached-state.ts';
import { ExecutionNotes } from '../../lifecycle/execution-notes.ts';
import type { ExecutionOptions } from '../../lifecycle/execution-options.ts';
import { Interrupts } from '../../lifecycle/interrupts.ts';
import { type LinkKind, linksTo } from '../../lifecycle/links.ts';
import type { EngineLifecycle } from '../engine-lifecycle.ts';
import { type Call, isResume } from './langgraph-invocation.ts';
import type { CompiledGraph, PregelLoop } from './langgraph-loop.ts';
import { GraphRun } from './langgraph-run.ts';
import { hasFailed, takeRun, waitingTasks } from './langgraph-thread.ts';
import { nameFromTasks } from './task-names.ts';

/** Runs that may wait in this process at once; beyond it the oldest are left to their checkpoints. */
const MAX_WAITING = 10_000;

/** What graphs without a name of their own are called by the engine. */
const UNNAMED = 'LangGraph';

/** The runs of the graphs of one copy of the engine: those that wait are found again by what their checkpoints say. */
export class GraphRuns {
  readonly lifecycle: EngineLifecycle;
  readonly #waiting = new Map<string, GraphRun>();

  constructor(lifecycle: EngineLifecycle) {
    this.lifecycle = lifecycle;
  }

  start({ graph, input, config }: Call, options?: ExecutionOptions): GraphRun {
    const thread = config?.configurable?.thread_id;
    const isUnnamed = thread === undefined || currentExecution()?.identity.correlationId !== undefined;
    const execution = this.lifecycle.start(
      'pipeline',
      this.#nameOf(graph, config?.runName),
      context.active(),
      {
        ...options,
        input,
        ...(!isUnnamed && { correlationId: String(thread) }),
      },
    );
    return new GraphRun(this.lifecycle, execution, graph);
  }

  /** The run an invocation belongs to, now that the thread is loaded; `started` is the one it began with. */
  enter(call: Call, loop: PregelLoop, started: GraphRun | undefined): GraphRun {
    const before = takeRun(loop);
    if (before === undefined) return started ?? this.start(call);
    const waiting = this.#waiting.get(before.runId);
    if (!isResume(call.input)) {
      // The thread goes another way: what it waited for is not going to come.
      if (waiting !== undefined) this.#forget(before.runId, waiting).cancel();
      return started ?? this.start(call);
    }
    const isReplay = call.input == null && call.config?.configurable?.checkpoint_id !== undefined;
    if (isReplay) return this.#startAfter(call, before, 'replay');
    if (hasFailed(loop)) return this.#startAfter(call, before, 'retry');
    return this.#goOn(call, loop, before, waiting);
  }

  /** A run waits for the invocation that resumes it, where that can be: in a thread whose state is kept. */
  wait(run: GraphRun, loop: PregelLoop): void {
    if (loop.checkpointer === undefined) {
      run.cancel();
      return;
    }
    this.#waiting.set(run.execution.runId, run);
    const [oldest] = this.#waiting;
    if (this.#waiting.size > MAX_WAITING && oldest !== undefined) this.#forget(...oldest).execution.detach();
  }

  /** Another process may have gone on with it in between. */
  #goOn(call: Call, loop: PregelLoop, before: DetachedState, waiting: GraphRun | undefined): GraphRun {
    if (waiting !== undefined) {
      this.#forget(before.runId, waiting);
      if (waiting.stretch === before.spans.segment) {
        waiting.resume();
        return waiting;
      }
      waiting.execution.detach();
    }
    const tasks = waitingTasks(loop);
    if (tasks.size === 0) return this.#startAfter(call, before, 'resume');
    return this.#attach(call.graph, before, tasks);
  }

  #attach(graph: CompiledGraph, before: DetachedState, tasks: ReadonlyMap<string, number>): GraphRun {
    const since = before.notes.interrupts.since ?? Date.now();
    const state = stateAfter(before, Math.max(...tasks.values()));
    for (const id of tasks.keys()) state.notes.interrupts.interrupt(id, 'interrupt', since);
    const execution = this.lifecycle.attach(state);
    for (const id of tasks.keys()) execution.resume(id);
    return new GraphRun(this.lifecycle, execution, graph, { stretch: state.spans.segment, since });
  }

  #startAfter(call: Call, { attempt, spans }: DetachedState, kind: LinkKind): GraphRun {
    const links = linksTo(kind, spans.previous);
    return this.start(call, { links, ...(kind === 'retry' && { attempt: attempt + 1 }) });
  }

  #forget(runId: string, run: GraphRun): GraphRun {
    this.#waiting.delete(runId);
    return run;
  }

  /** What the application says; else the graph's own name, which the engine gives to those that have none, too. */
  #nameOf(graph: CompiledGraph, runName: string | undefined): string {
    const given = this.lifecycle.nameOf(graph) ?? runName;
    if (given !== undefined) return given;
    const name = graph.getName();
    const nodes = Object.keys(graph.nodes).filter((node) => !node.startsWith('__'));
    return name === UNNAMED ? (nameFromTasks(nodes) ?? name) : name;
  }
}

/** A checkpoint tells nothing of the stretches that came after it: those that ended at the next question of a task. */
function stateAfter(before: DetachedState, stretches: number): DetachedState {
  const { notes, spans } = before;
  const { count, open, since } = notes.interrupts;
  const interrupts = new Interrupts(count + stretches, notes.interrupts.suspendedMs(since ?? 0), open, since);
  return {
    ...before,
    notes: new ExecutionNotes(notes.attributes, interrupts),
    spans: { ...spans, segment: spans.segment + stretches },
  };
}
