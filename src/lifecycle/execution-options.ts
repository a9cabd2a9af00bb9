import type { Attributes, Context, Link } from '@opentelemetry/api';
import type { RetryTrail } from './attempts.ts';
import type { Execution } from './execution-handle.ts';
import type { SharedRecord } from './shared-record.ts';

/** Under this key an attempt hands its trail to the execution that is started with it; object spread keeps it. */
export const RETRY_TRAIL: unique symbol = Symbol('runledger retry trail');

/** What may be said about an execution when it starts. Everything is optional. */
export interface ExecutionOptions {
  /** Id of the run. @default the enclosing run's, or a new time-ordered one */
  readonly runId?: string | undefined;
  /** The business unit the work is about; stable over attempts. Inherited by everything below. */
  readonly correlationId?: string | undefined;
  /** 1 for the first try. Each attempt is an execution of its own. @default 1 */
  readonly attempt?: number | undefined;
  readonly maxAttempts?: number | undefined;
  /** Whether no further attempt follows this one. */
  readonly final?: boolean | undefined;
  /** Whom the work is done for. Inherited by everything below. */
  readonly tenant?: string | undefined;
  /** Version of the pipeline's definition. */
  readonly version?: string | undefined;
  /** Hash of the pipeline's definition, as the caller computes it. */
  readonly definitionHash?: string | undefined;
  /**
   * When it started, where that was before: a run that is told of at its end, or ends in another process than it began
   * in. A number is milliseconds since the Unix epoch. @default now
   */
  readonly startTime?: Date | number | undefined;
  /** Milliseconds the work waited before it started. */
  readonly waitMs?: number | undefined;
  /** When the work was due; the wait is counted from then. `waitMs` wins. */
  readonly scheduledFor?: Date | undefined;
  /** What the work reads from and writes to: table names, topics, paths. */
  readonly source?: string | readonly string[] | undefined;
  readonly target?: string | readonly string[] | undefined;
  /** Who does the work, where several workers share a process or a name. */
  readonly workerId?: string | undefined;
  /** Attributes of the span, for what has no option of its own. */
  readonly attributes?: Attributes | undefined;
  /** Keep every record of the run, whatever the keep policy says. */
  readonly keep?: boolean | undefined;
  /** Links to what this execution retries, resumes, replays or was triggered by; see `linksTo`. */
  readonly links?: readonly Link[] | undefined;
  /** What the execution works on. Captured only where `captureInput` asks for it, else never looked at. */
  readonly input?: unknown;
  /**
   * The execution this one belongs to, or a context that carries one (see `extractExecution`).
   * @default the execution whose code is running
   */
  readonly parent?: Execution | Context | undefined;
  /** @internal Where stretches in several processes are one execution. */
  readonly record?: SharedRecord | undefined;
  /** @internal */
  readonly [RETRY_TRAIL]?: RetryTrail | undefined;
}

/** What an execution says it did. Numbers add up over calls; the rest replaces what was said before. */
export interface Work {
  readonly rowsIn?: number | undefined;
  readonly rowsOut?: number | undefined;
  /** In the caller's own unit: nodes visited, messages handled. */
  readonly workUnits?: number | undefined;
  /** US dollars. */
  readonly costUsd?: number | undefined;
  readonly tokensIn?: number | undefined;
  readonly tokensOut?: number | undefined;
  readonly tokensCacheRead?: number | undefined;
  readonly tokensCacheWrite?: number | undefined;
  readonly source?: string | readonly string[] | undefined;
  readonly target?: string | readonly string[] | undefined;
  readonly attributes?: Attributes | undefined;
  /** Captured only where `captureInput` asks for it. */
  readonly input?: unknown;
  readonly output?: unknown;
}

/** What follows the name: `fn`, or options and `fn`. */
export type RunArguments<T> =
  | [fn: (execution: Execution) => T]
  | [options: ExecutionOptions, fn: (execution: Execution) => T];
