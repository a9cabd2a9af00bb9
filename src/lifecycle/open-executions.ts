import type { ExecutionKind } from '../execution.ts';
import type { Execution } from './execution-handle.ts';
import { report } from './report.ts';

/** An execution whose end is going to be told by its id. */
export interface OpenExecution {
  readonly execution: Execution;
  /** Whether a skip or a rejection was announced. */
  isAnswered: boolean;
  /** Whether an error was announced. */
  hasError: boolean;
  error: unknown;
}

const KINDS: readonly ExecutionKind[] = ['step', 'process', 'pipeline'];

/**
 * Executions that are known by ids, because the code that starts them is not the code that ends them. Bounded: ends
 * that never come must not fill the memory, so beyond `max` the oldest is given up.
 */
export class OpenExecutions {
  readonly #max: number;
  /** Those of one kind and id are a stack: the newest is found first, then the ones before. */
  readonly #stacks = new Map<string, OpenExecution[]>();
  #size = 0;
  #evicted = 0;

  constructor(max: number) {
    this.#max = max;
  }

  get size(): number {
    return this.#size;
  }

  /** How many were given up. */
  get evicted(): number {
    return this.#evicted;
  }

  /** Keeps an execution, and gives up the oldest where there are too many. */
  add(id: string, execution: Execution): OpenExecution {
    while (this.#size >= this.#max) this.#evictOldest();
    const entry = { execution, isAnswered: false, hasError: false, error: undefined };
    const key = keyOf(execution.kind, id);
    const stack = this.#stacks.get(key);
    if (stack === undefined) this.#stacks.set(key, [entry]);
    else stack.push(entry);
    this.#size++;
    return entry;
  }

  /** The newest open one with this id, of any kind where none is stated. */
  find(id: string, kind?: ExecutionKind): OpenExecution | undefined {
    for (const each of kind === undefined ? KINDS : [kind]) {
      const found = this.#stacks.get(keyOf(each, id))?.at(-1);
      if (found !== undefined) return found;
    }
    return undefined;
  }

  /** The newest open one with this id, which is no longer kept. */
  take(id: string, kind: ExecutionKind): OpenExecution | undefined {
    const key = keyOf(kind, id);
    const stack = this.#stacks.get(key);
    const entry = stack?.pop();
    if (entry === undefined) return undefined;
    this.#size--;
    if (stack?.length === 0) this.#stacks.delete(key);
    return entry;
  }

  /** Most often its end was forgotten, so it ends as abandoned; one that is suspended stays suspended. */
  #evictOldest(): void {
    for (const [key, stack] of this.#stacks) {
      const oldest = stack.shift();
      if (stack.length === 0) this.#stacks.delete(key);
      if (oldest === undefined) continue;
      this.#size--;
      if (this.#evicted++ === 0) {
        report(
          'warn',
          `${this.#max} executions are open; from here the oldest are given up. Are all ends reported?`,
        );
      }
      if (oldest.execution.isRunning) oldest.execution.abandon();
      else oldest.execution.detach();
      return;
    }
  }
}

function keyOf(kind: ExecutionKind, id: string): string {
  return `${kind} ${id}`;
}
