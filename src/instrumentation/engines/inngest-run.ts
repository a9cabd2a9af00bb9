import { type Context, context } from '@opentelemetry/api';
import { ACTIVE_EXECUTION_KEY } from '../../execution.ts';
import type { Execution } from '../../lifecycle/execution-handle.ts';
import type { ExecutionOptions } from '../../lifecycle/execution-options.ts';
import { withRemoteRun } from '../../lifecycle/remote-run.ts';
import { type SharedIds, sharedIds } from '../../lifecycle/shared-record.ts';
import type { EngineLifecycle } from '../engine-lifecycle.ts';

/** The part of a function's context that is read. All of it is public in Inngest. */
export interface InngestContext {
  readonly runId: string;
  /** Of the step, or of the function, that this request is about; 0 for the first. */
  readonly attempt?: number | undefined;
  readonly maxAttempts?: number | undefined;
  readonly event?: { readonly id?: unknown; readonly name?: unknown; readonly data?: unknown } | undefined;
}

/** The part of a function that is read. */
export interface InngestFunction {
  id(): string;
  readonly onFailureFn?: unknown;
}

/** The event that calls a function's handler of failures. */
const FUNCTION_FAILED = 'inngest/function.failed';

/** Crockford's digits, in which the first ten characters of a ULID are its time. */
const DIGITS = '0123456789ABCDEFGHJKMNPQRSTVWXYZ';

/**
 * A run as one request sees it. Inngest calls the application again for every step, in whichever process, so nothing of
 * the run is kept here: its record has an id that every process works out from the run's own, and steps belong to it
 * by that id.
 */
export class InngestRun {
  readonly #lifecycle: EngineLifecycle;
  readonly #ctx: InngestContext;
  readonly #name: string;
  readonly #ids: SharedIds;
  readonly #startedAt: number | undefined;

  constructor(lifecycle: EngineLifecycle, ctx: InngestContext, fn: InngestFunction) {
    this.#lifecycle = lifecycle;
    this.#ctx = ctx;
    this.#name = lifecycle.nameOf(fn) ?? nameOf(fn, ctx);
    this.#startedAt = timeOfUlid(ctx.runId);
    this.#ids = sharedIds(this.#startedAt ?? 0, `inngest ${ctx.runId}`);
  }

  /** Where the function's own code runs: what it starts belongs to the run, whose record is written at its end. */
  get context(): Context {
    // The process that answers may be at work for itself: the run is not part of that.
    const around = context.active().deleteValue(ACTIVE_EXECUTION_KEY);
    return withRemoteRun(around, {
      runId: this.#ctx.runId,
      pipeline: this.#name,
      parentRecordId: this.#ids.recordId,
      correlationId: this.#correlationId,
    });
  }

  step(name: string, input: unknown): Execution {
    return this.#lifecycle.start('step', name, this.context, { ...this.#attempt, input });
  }

  /** Shows the run until its end is known. */
  begin(): void {
    this.#pipeline({ record: { id: this.#ids.recordId, segment: 1 } }).defer('inngest');
  }

  /** The run is over, however it began. */
  end(): Execution {
    const record = { id: this.#ids.recordId, segment: 2, startedAt: this.#startedAt };
    return this.#pipeline({ ...this.#attempt, final: true, startTime: this.#startedAt, record });
  }

  /** The function failed and is going to be called again: that attempt is over, the run is not. */
  failAttempt(error: unknown, requestedAt: number): void {
    const attempt = this.#pipeline({ ...this.#attempt, final: false, startTime: requestedAt });
    attempt.settleThrown(error);
  }

  #pipeline(options: ExecutionOptions): Execution {
    const around = context.active().deleteValue(ACTIVE_EXECUTION_KEY);
    const { runId, event } = this.#ctx;
    return this.#lifecycle.start('pipeline', this.#name, around, {
      runId,
      correlationId: this.#correlationId,
      input: event?.data,
      ...options,
    });
  }

  get #attempt(): ExecutionOptions {
    const { attempt = 0, maxAttempts } = this.#ctx;
    return { attempt: attempt + 1, maxAttempts };
  }

  get #correlationId(): string | undefined {
    const id = this.#ctx.event?.id;
    return typeof id === 'string' && id !== '' ? id : undefined;
  }
}

function nameOf(fn: InngestFunction, { event }: InngestContext): string {
  const id = fn.id();
  return event?.name === FUNCTION_FAILED && fn.onFailureFn !== undefined ? `${id}-failure` : id;
}

/** Milliseconds since the Unix epoch; undefined where the id is no ULID. */
function timeOfUlid(id: string): number | undefined {
  if (!/^[0-7][0-9A-HJKMNP-TV-Z]{25}$/i.test(id)) return undefined;
  let time = 0;
  for (const digit of id.slice(0, 10).toUpperCase()) time = time * 32 + DIGITS.indexOf(digit);
  return time;
}
