import { type Context, context } from '@opentelemetry/api';
import { ACTIVE_EXECUTION_KEY } from '../../execution.ts';
import type { Execution } from '../../lifecycle/execution-handle.ts';
import type { ExecutionOptions } from '../../lifecycle/execution-options.ts';
import { withRemoteRun } from '../../lifecycle/remote-run.ts';
import { type SharedIds, sharedIds } from '../../lifecycle/shared-record.ts';
import type { EngineLifecycle } from '../engine-lifecycle.ts';

/** What every process that works on a run knows of it. */
export interface SharedRunOptions {
  readonly name: string;
  /** Tells the run from every other one of the engine. */
  readonly key: string;
  /** When it began. Milliseconds since the Unix epoch. */
  readonly startedAt: number | undefined;
  /** Its id in the engine. @default one made of the key */
  readonly runId?: string | undefined;
  readonly correlationId?: string | undefined;
  readonly input?: unknown;
}

/**
 * A run that no process sees as a whole: the engine has parts of it done by whichever process, one after the other or
 * several at once. Nothing of it is kept in any. Its record has an id that each works out, what belongs to it names that
 * id as its parent, and whoever sees the end writes how it ended.
 */
export class SharedRun {
  readonly #lifecycle: EngineLifecycle;
  readonly #options: SharedRunOptions;
  readonly #ids: SharedIds;
  readonly #runId: string;

  constructor(lifecycle: EngineLifecycle, options: SharedRunOptions) {
    this.#lifecycle = lifecycle;
    this.#options = options;
    this.#ids = sharedIds(options.startedAt ?? 0, `${lifecycle.engine} ${options.key}`);
    this.#runId = options.runId ?? this.#ids.runId;
  }

  /** What runs in it belongs to the run. */
  get context(): Context {
    const { name, correlationId } = this.#options;
    return withRemoteRun(contextAround(), {
      runId: this.#runId,
      pipeline: name,
      parentRecordId: this.#ids.recordId,
      correlationId,
    });
  }

  /** Shows the run until its end is known. */
  begin(): void {
    const { recordId: id } = this.#ids;
    this.#start({ startTime: this.#options.startedAt, record: { id, segment: 1 } }).defer(
      this.#lifecycle.engine,
    );
  }

  /** The run is over: the caller settles what this returns. It may be over twice, where two processes see it. */
  end(options: ExecutionOptions = {}): Execution {
    const { startedAt } = this.#options;
    const record = { id: this.#ids.recordId, segment: 2, startedAt };
    return this.#start({ final: true, ...options, startTime: startedAt, record });
  }

  /** An attempt that is over while the run is not: a record of its own. The caller settles it. */
  attempt(options: ExecutionOptions): Execution {
    return this.#start({ final: false, ...options });
  }

  #start(options: ExecutionOptions): Execution {
    const { name, correlationId, input } = this.#options;
    const identity = { runId: this.#runId, correlationId, input };
    return this.#lifecycle.start('pipeline', name, contextAround(), { ...identity, ...options });
  }
}

/** Without the execution whose code is running: it does the engine's work, and the run is no part of it. */
function contextAround(): Context {
  return context.active().deleteValue(ACTIVE_EXECUTION_KEY);
}
