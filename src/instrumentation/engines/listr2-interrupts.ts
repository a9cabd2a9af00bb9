import type { Execution } from '../../lifecycle/execution-handle.ts';
import { neverThrow } from '../../lifecycle/never-throw.ts';

/** With this code listr2 ends the process when a run is interrupted, by Ctrl-C or by `task.cancel()`. */
const INTERRUPTED = 127;

/**
 * The executions that are open. An interrupted run never settles: listr2 ends the process from inside it, so they are
 * closed on `exit`, and before the ledger's own handler, which hands over what there is to write.
 */
export class Listr2Interrupts {
  readonly #open = new Set<Execution>();
  #isListening = false;

  /** Closes the execution should the process end by an interrupt before the returned function is called. */
  watch(execution: Execution): () => void {
    this.#listen();
    this.#open.add(execution);
    return () => this.#open.delete(execution);
  }

  #listen(): void {
    if (this.#isListening) return;
    this.#isListening = true;
    process.prependListener('exit', (code) => {
      if (code === INTERRUPTED) neverThrow('an interrupt of listr2', () => this.#cancel());
    });
  }

  /** Those started last first: children end before their parents. */
  #cancel(): void {
    for (const execution of [...this.#open].reverse()) {
      execution.end('cancellation');
      execution.settleReturned();
    }
    this.#open.clear();
  }
}
