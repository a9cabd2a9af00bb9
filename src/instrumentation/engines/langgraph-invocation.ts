import { type Context, context, createContextKey } from '@opentelemetry/api';
import { neverThrow } from '../../lifecycle/never-throw.ts';
import { type ErrorMeaning, meaningOf } from './langgraph-errors.ts';
import { abortSignals, type CompiledGraph, type GraphConfig, type PregelLoop } from './langgraph-loop.ts';
import type { GraphRun, Thrown } from './langgraph-run.ts';
import type { GraphRuns } from './langgraph-runs.ts';

const INVOCATION = createContextKey('runledger langgraph invocation');

/** How the engine's loop came to its end. */
interface LoopEnd {
  readonly loop: PregelLoop;
  readonly thrown?: Thrown | undefined;
}

/** What is asked of a graph, and how. */
export interface Call {
  readonly graph: CompiledGraph;
  readonly input: unknown;
  readonly config: GraphConfig | undefined;
}

/**
 * One invocation of a graph that is nested in no other: a run, or a stretch of one. Which run it belongs to is known
 * once the engine has loaded the thread's checkpoint; one with new input begins before that, so that a thread that
 * can not be loaded is a run that failed.
 */
export class Invocation {
  readonly #runs: GraphRuns;
  readonly #call: Call;
  #run: GraphRun | undefined;
  #context: Context;
  #loopEnd: LoopEnd | undefined;
  #isLeft = false;
  #isOver = false;

  constructor(runs: GraphRuns, call: Call) {
    this.#runs = runs;
    this.#call = call;
    this.#run = isResume(call.input) ? undefined : runs.start(call);
    this.#context = this.#contextOf(this.#run);
  }

  /** The one whose code is running. */
  static get current(): Invocation | undefined {
    const value = context.active().getValue(INVOCATION);
    return value instanceof Invocation ? value : undefined;
  }

  /** The engine's iterator over the invocation, which is what runs it. */
  iterate(results: AsyncGenerator<unknown>): AsyncGenerator<unknown> {
    const move = async (step: () => Promise<IteratorResult<unknown>>) => {
      try {
        const result = await context.with(this.#context, step);
        if (result.done === true) this.#finish();
        return result;
      } catch (error) {
        this.#finish({ error });
        throw error;
      }
    };
    const iterator: AsyncGenerator<unknown> = {
      next: (...args) => move(() => results.next(...args)),
      return: (value) => {
        this.#isLeft = true;
        return move(() => results.return(value));
      },
      throw: (error) => move(() => results.throw(error)),
      [Symbol.asyncIterator]: () => iterator,
      [Symbol.asyncDispose]: async () => {
        await iterator.return(undefined);
      },
    };
    return iterator;
  }

  /** The engine runs its loop, of this graph or of one nested in it. The loop's promise passes through. */
  runLoop(graph: CompiledGraph, loop: PregelLoop, work: () => Promise<unknown>): Promise<unknown> {
    if (loop.isNested) {
      neverThrow('a nested graph of langgraph', () => this.#run?.follow(loop, graph));
      return work();
    }
    neverThrow('a run of langgraph', () => this.#enter(loop));
    const result = context.with(this.#context, work);
    result.then(
      () => this.#loopEnded({ loop }),
      (error: unknown) => this.#loopEnded({ loop, thrown: { error } }),
    );
    return result;
  }

  #enter(loop: PregelLoop): void {
    this.#run = this.#runs.enter(this.#call, loop, this.#run);
    this.#context = this.#contextOf(this.#run);
    this.#run.follow(loop, this.#call.graph);
  }

  /** Whoever reads the stream may have left it, so the run ends once its checkpoints are kept, read or not. */
  #loopEnded(end: LoopEnd): void {
    this.#loopEnd = end;
    Promise.all(end.loop.checkpointerPromises ?? []).then(
      () => this.#finish(end.thrown),
      (error: unknown) => this.#finish(end.thrown ?? { error }),
    );
  }

  #finish(thrown?: Thrown): void {
    if (this.#isOver) return;
    this.#isOver = true;
    neverThrow('the end of a run of langgraph', () => {
      const error = thrown ?? this.#loopEnd?.thrown;
      const run = this.#run ?? (error === undefined ? undefined : this.#runs.start(this.#call));
      if (run === undefined) return;
      const meaning = error === undefined ? undefined : this.#meaningOf(error);
      const stop = meaning?.kind === 'interrupt' ? meaning.ids[0] : this.#breakpoint();
      const isWaiting = (meaning === undefined || meaning.kind === 'interrupt') && run.suspend(stop);
      if (this.#loopEnd === undefined && error === undefined) run.cancel();
      else if (!isWaiting) run.end(error, meaning);
      else if (this.#loopEnd !== undefined) this.#runs.wait(run, this.#loopEnd.loop);
    });
  }

  /** Where the loop stopped because the graph was told to stop there. */
  #breakpoint(): string | undefined {
    const loop = this.#loopEnd?.loop;
    return loop?.status?.startsWith('interrupt_') === true
      ? `${loop.status} ${loop.checkpoint.id}`
      : undefined;
  }

  /** What the engine throws once nobody reads its stream any more says nothing of the graph. */
  #meaningOf({ error }: Thrown): ErrorMeaning {
    return this.#isLeft
      ? { kind: 'failure', outcome: 'cancellation', error }
      : meaningOf(error, '', this.#signals());
  }

  #signals(): readonly (AbortSignal | undefined)[] {
    const loop = this.#loopEnd?.loop;
    const inLoop = loop === undefined ? undefined : abortSignals(loop);
    return [inLoop?.timeoutAbortSignal, this.#call.config?.signal, loop?.config?.signal];
  }

  #contextOf(run: GraphRun | undefined): Context {
    return (run?.execution.context ?? context.active()).setValue(INVOCATION, this);
  }
}

/** No input, or a command with the answer to an interrupt: the thread is to go on where it is. */
export function isResume(input: unknown): boolean {
  if (input === null || input === undefined) return true;
  const { lg_name, resume } = input as { readonly lg_name?: unknown; readonly resume?: unknown };
  return lg_name === 'Command' && resume !== null && resume !== undefined;
}
