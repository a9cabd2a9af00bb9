import { OUTCOMES, type Outcome, type RejectionReason } from '../execution.ts';
import { ERROR_TYPE_OTHER } from '../semconv.ts';
import { report } from './report.ts';

/** Decides the outcome of an execution that threw; undefined leaves it to the built-in rules. */
export type ErrorClassifier = (error: unknown) => Outcome | undefined;

/** Why work was not admitted. */
export interface Rejection {
  readonly reason: RejectionReason;
  /** In words, for people. */
  readonly detail?: string;
  /** The limit that was hit, and the value that hit it, in the limit's own unit. */
  readonly limit?: number;
  readonly current?: number;
}

/** Thrown by code that finds it has nothing to do: the execution ends as `skip`. It passes on to the caller. */
export class SkipError extends Error {
  override readonly name = 'SkipError';
  /** Why there was nothing to do. */
  readonly reason: string;

  constructor(reason: string, options?: ErrorOptions) {
    super(reason, options);
    this.reason = reason;
  }
}

/** Thrown by code that is not admitted: the execution ends as `rejection`. It passes on to the caller. */
export class RejectedError extends Error {
  override readonly name = 'RejectedError';
  readonly rejection: Rejection;

  constructor(rejection: Rejection, options?: ErrorOptions) {
    super(rejection.detail ?? rejection.reason, options);
    this.rejection = rejection;
  }
}

const REJECTION_REASONS: ReadonlySet<unknown> = new Set<RejectionReason>([
  'tenant_limit',
  'capacity_limit',
  'rate_limit',
  'queue_full',
  'circuit_open',
  'policy',
  'other',
]);

/** Whether a value is one of the typed reasons; anything else would make the reason an unbounded metric attribute. */
export function isRejectionReason(value: unknown): value is RejectionReason {
  return REJECTION_REASONS.has(value);
}

const MAX_MESSAGE_LENGTH = 4_096;
const MAX_STACK_LENGTH = 16_384;

/**
 * The outcome an error stands for: `classify` first, then `AbortError` as cancellation, `TimeoutError` (also as
 * the cause of an `AbortError`, which is how Node's timers report `AbortSignal.timeout`) as timeout,
 * {@link SkipError}, {@link RejectedError}, else failure. Never throws, whatever the error is.
 */
export function outcomeFromError(error: unknown, classify?: ErrorClassifier): Outcome {
  const stated = classify === undefined ? undefined : outcomeFromClassifier(error, classify);
  if (stated !== undefined) return stated;
  const name = readProperty(error, 'name');
  if (name === 'SkipError') return 'skip';
  if (name === 'RejectedError') return 'rejection';
  if (name === 'TimeoutError') return 'timeout';
  if (name !== 'AbortError') return 'failure';
  return readProperty(readProperty(error, 'cause'), 'name') === 'TimeoutError' ? 'timeout' : 'cancellation';
}

/** What the application's own classifier says; what is no outcome leaves it to the built-in rules. */
function outcomeFromClassifier(error: unknown, classify: ErrorClassifier): Outcome | undefined {
  try {
    const outcome: unknown = classify(error);
    if (outcome === undefined || isOutcome(outcome)) return outcome;
    if (outcome instanceof Promise) outcome.catch(() => {});
    report('warn', `classifyError returned no outcome (${typeof outcome}); the built-in rules decide`);
  } catch (thrown) {
    report('warn', `classifyError threw ${describeError(thrown).type}; the built-in rules decide`);
  }
  return undefined;
}

function isOutcome(value: unknown): value is Outcome {
  return (OUTCOMES as readonly unknown[]).includes(value);
}

/** The skip reason an error carries, or its message. */
export function skipReasonFromError(error: unknown): string {
  const reason = readProperty(error, 'reason');
  return typeof reason === 'string' ? reason : describeError(error).message;
}

/** The rejection an error carries, or `other` with its message. */
export function rejectionFromError(error: unknown): Rejection {
  const rejection = readProperty(error, 'rejection');
  if (isRejectionReason(readProperty(rejection, 'reason'))) return rejection as Rejection;
  return { reason: 'other', detail: describeError(error).message };
}

/** What spans say about an error. */
export interface ErrorDescription {
  /** Class of the error, `string` for a thrown string, `_OTHER` where there is nothing to name. */
  readonly type: string;
  readonly message: string;
  readonly stack?: string;
  readonly code?: string;
}

/** Class of an error, as {@link describeError} names it, without the cost of its stack. */
export function errorTypeOf(error: unknown): string {
  if (error === null || error === undefined) return ERROR_TYPE_OTHER;
  return typeof error === 'object' || typeof error === 'function' ? classNameOf(error) : typeof error;
}

/** Describes anything that was thrown, in bounded length. Never throws: hostile getters and proxies are read guarded. */
export function describeError(error: unknown): ErrorDescription {
  if (error === null || error === undefined) return { type: ERROR_TYPE_OTHER, message: String(error) };
  if (typeof error !== 'object' && typeof error !== 'function') {
    return { type: typeof error, message: cut(String(error), MAX_MESSAGE_LENGTH) };
  }
  const message = readProperty(error, 'message');
  const stack = readProperty(error, 'stack');
  const code = readProperty(error, 'code');
  return {
    type: classNameOf(error),
    message: typeof message === 'string' ? cut(message, MAX_MESSAGE_LENGTH) : '',
    ...(typeof stack === 'string' && { stack: cut(stack, MAX_STACK_LENGTH) }),
    ...((typeof code === 'string' || typeof code === 'number') && { code: cut(String(code), 128) }),
  };
}

/**
 * The name an error gave itself, else the name of its class. A `name` that is only inherited (a class that
 * extends `Error` and sets none) says less than the class does.
 */
function classNameOf(error: object): string {
  const errorClass = readProperty(error, 'constructor');
  const className = readProperty(errorClass, 'name');
  const name = readProperty(error, 'name');
  if (typeof name === 'string' && name !== '') {
    const isOwnName = hasOwn(error, 'name') || hasOwn(readProperty(errorClass, 'prototype'), 'name');
    if (isOwnName || typeof className !== 'string' || className === '') return cut(name, 128);
  }
  return typeof className === 'string' && className !== '' ? cut(className, 128) : ERROR_TYPE_OTHER;
}

function hasOwn(target: unknown, key: string): boolean {
  try {
    return Object.hasOwn(target as object, key);
  } catch {
    return false;
  }
}

/** Reads a property of anything; what throws reads as undefined. */
function readProperty(target: unknown, key: string): unknown {
  if (target === null || target === undefined) return undefined;
  try {
    return (target as Record<string, unknown>)[key];
  } catch {
    return undefined;
  }
}

function cut(text: string, length: number): string {
  return text.length > length ? text.slice(0, length) : text;
}
