import { type Context, context } from '@opentelemetry/api';
import type { Execution } from '../../lifecycle/execution-handle.ts';
import { neverThrow } from '../../lifecycle/never-throw.ts';
import type { EngineLifecycle } from '../engine-lifecycle.ts';
import { SharedRun } from './shared-run.ts';

/** The part of a transaction that is read. All of it is public in Medusa. */
export interface Transaction {
  readonly modelId: string;
  readonly transactionId: string;
  readonly payload?: unknown;
  hasFinished(): boolean;
  getFlow(): Flow;
  getErrors(type?: string): readonly TransactionError[];
}

interface Flow {
  readonly state: string;
  readonly runId?: string | undefined;
  /** Set before the first step, and stored with the flow: the same in every process. */
  readonly startedAt?: number | undefined;
  readonly cancelledAt?: number | undefined;
  readonly hasAsyncSteps?: boolean | undefined;
  readonly steps?: Readonly<Record<string, { readonly attempts?: number }>> | undefined;
}

interface TransactionError {
  readonly error?:
    | { readonly name?: unknown; readonly message?: unknown; readonly stack?: unknown }
    | unknown;
}

/** A stretch of a transaction: the context it runs in, and what to do when it is over. */
interface Stretch {
  readonly context: Context;
  settle(thrown?: { readonly error: unknown }): void;
}

/**
 * Transactions as pipelines. One that has asynchronous steps is gone on with whenever one of those is done, in whichever
 * process; any other is run in one go, below what calls it.
 */
export class MedusaTransactions {
  readonly #lifecycle: EngineLifecycle;
  readonly #running = new WeakSet<Transaction>();

  constructor(lifecycle: EngineLifecycle) {
    this.#lifecycle = lifecycle;
  }

  run(transaction: Transaction, work: () => Promise<unknown>): Promise<unknown> {
    const stretch = this.#lifecycle.isOn ? this.#begin(transaction) : undefined;
    if (stretch === undefined) return work();
    return context.with(stretch.context, work).then(
      (result) => {
        neverThrow('the end of a transaction of medusa', () => stretch.settle());
        return result;
      },
      (error: unknown) => {
        neverThrow('the failure of a transaction of medusa', () => stretch.settle({ error }));
        throw error;
      },
    );
  }

  #begin(transaction: Transaction): Stretch | undefined {
    let stretch: Stretch | undefined;
    neverThrow('a transaction of medusa', () => {
      // Its own steps may ask for it to go on.
      if (this.#running.has(transaction)) return;
      stretch =
        transaction.getFlow().hasAsyncSteps === true ? this.#shared(transaction) : this.#whole(transaction);
    });
    return stretch;
  }

  #whole(transaction: Transaction): Stretch {
    const { modelId, transactionId, payload: input } = transaction;
    this.#running.add(transaction);
    const pipeline = this.#lifecycle.start(
      'pipeline',
      this.#lifecycle.nameOf(transaction) ?? modelId,
      context.active(),
      { correlationId: transactionId, input },
    );
    return {
      context: pipeline.context,
      settle: (thrown) => {
        this.#running.delete(transaction);
        if (thrown !== undefined) pipeline.settleThrown(thrown.error);
        else end(pipeline, transaction);
      },
    };
  }

  #shared(transaction: Transaction): Stretch {
    const { modelId, transactionId, payload: input } = transaction;
    const { startedAt, runId, steps = {} } = transaction.getFlow();
    const run = new SharedRun(this.#lifecycle, {
      name: this.#lifecycle.nameOf(transaction) ?? modelId,
      key: `${modelId} ${transactionId} ${runId ?? startedAt}`,
      startedAt,
      correlationId: transactionId,
      input,
    });
    if (Object.values(steps).every(({ attempts = 0 }) => attempts === 0)) run.begin();
    return {
      context: run.context,
      settle: (thrown) => {
        if (thrown !== undefined) run.end().settleThrown(thrown.error);
        else if (transaction.hasFinished()) end(run.end(), transaction);
      },
    };
  }
}

/** A transaction that failed returns like any other: how it went is in its state. */
function end(pipeline: Execution, transaction: Transaction): void {
  const { state, cancelledAt } = transaction.getFlow();
  if (state === 'failed' || state === 'reverted') {
    const [first] = transaction.getErrors('invoke');
    const error = first === undefined ? undefined : errorFrom(first.error);
    if (error === undefined && cancelledAt !== undefined) pipeline.end('cancellation');
    else if (error?.name.includes('Timeout') === true) pipeline.end('timeout', error);
    else pipeline.fail(error);
  }
  pipeline.settleReturned();
}

/** Medusa keeps errors as data, for a transaction may be stored. */
function errorFrom(kept: unknown): Error {
  if (kept instanceof Error) return kept;
  const { name, message, stack } = (typeof kept === 'object' && kept !== null ? kept : {}) as Partial<Error>;
  const error = new Error(typeof message === 'string' ? message : String(kept));
  if (typeof name === 'string') error.name = name;
  if (typeof stack === 'string') error.stack = stack;
  return error;
}
