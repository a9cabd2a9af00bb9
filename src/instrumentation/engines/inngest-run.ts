import type { Context } from '@opentelemetry/api';
import type { Execution } from '../../lifecycle/execution-handle.ts';
import type { ExecutionOptions } from '../../lifecycle/execution-options.ts';
import type { EngineLifecycle } from '../engine-lifecycle.ts';
import { SharedRun } from './shared-run.ts';

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

/** A run as one request sees it: Inngest calls the application again for every step, in whichever process. */
export class InngestRun {
  readonly #lifecycle: EngineLifecycle;
  readonly #ctx: InngestContext;
  readonly #run: SharedRun;

  constructor(lifecycle: EngineLifecycle, ctx: InngestContext, fn: InngestFunction) {
    const { runId, event } = ctx;
    this.#lifecycle = lifecycle;
    this.#ctx = ctx;
    this.#run = new SharedRun(lifecycle, {
      name: lifecycle.nameOf(fn) ?? nameOf(fn, ctx),
      key: runId,
      runId,
      startedAt: timeOfUlid(runId),
      correlationId: typeof event?.id === 'string' && event.id !== '' ? event.id : undefined,
      input: event?.data,
    });
  }

  /** Where the function's own code runs. */
  get context(): Context {
    return this.#run.context;
  }

  step(name: string, input: unknown): Execution {
    return this.#lifecycle.start('step', name, this.#run.context, { ...this.#attempt, input });
  }

  begin(): void {
    this.#run.begin();
  }

  end(): Execution {
    return this.#run.end(this.#attempt);
  }

  /** The function failed and is going to be called again: that attempt is over, the run is not. */
  failAttempt(error: unknown, requestedAt: number): void {
    this.#run.attempt({ ...this.#attempt, startTime: requestedAt }).settleThrown(error);
  }

  get #attempt(): ExecutionOptions {
    const { attempt = 0, maxAttempts } = this.#ctx;
    return { attempt: attempt + 1, maxAttempts };
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
