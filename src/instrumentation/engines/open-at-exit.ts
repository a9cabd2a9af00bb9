import type { Execution } from '../../lifecycle/execution-handle.ts';
import { neverThrow } from '../../lifecycle/never-throw.ts';

/** Says, at the end of the process, how an execution ended that nobody settled; one it says nothing of stays open. */
export type EndAtExit = (execution: Execution, exitCode: number) => void;

/**
 * The executions of an engine that ends the process from inside a run, or lets it end before a run did. Those still
 * open on `exit` are closed then, and before the ledger's own handler, which hands over what there is to write.
 */
export class OpenAtExit {
  readonly #engine: string;
  readonly #end: EndAtExit;
  readonly #open = new Set<Execution>();
  #isListening = false;

  constructor(engine: string, end: EndAtExit) {
    this.#engine = engine;
    this.#end = end;
  }

  /** Closes the execution should the process end before the returned function is called. */
  watch(execution: Execution): () => void {
    this.#listen();
    this.#open.add(execution);
    return () => this.#open.delete(execution);
  }

  #listen(): void {
    if (this.#isListening) return;
    this.#isListening = true;
    process.prependListener('exit', (code) => {
      neverThrow(`an exit amid a run of ${this.#engine}`, () => this.#close(code));
    });
  }

  /** Those started last first: children end before their parents. */
  #close(exitCode: number): void {
    for (const execution of [...this.#open].reverse()) this.#end(execution, exitCode);
    this.#open.clear();
  }
}
