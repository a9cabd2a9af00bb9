import type { Outcome } from '../../execution.ts';

/** What an error that passes by means. Read by name, as the engine itself does: there may be two copies of it. */
export type ErrorMeaning =
  /** A failure, or what made the engine throw: an abort has a reason, of which the error itself says nothing. */
  | { readonly kind: 'failure'; readonly outcome?: Outcome; readonly error: unknown }
  /** The graph waits for something outside; `ids` are what it waits for. */
  | { readonly kind: 'interrupt'; readonly ids: readonly string[] }
  /** No error but control flow: a command for the parent graph. */
  | { readonly kind: 'control' };

interface GraphError {
  readonly name?: unknown;
  readonly message?: unknown;
  readonly is_bubble_up?: unknown;
  readonly interrupts?: readonly InterruptValue[] | undefined;
}

/** From 1.0 on an interrupt has an id; before, the namespace of what it waits in. */
interface InterruptValue {
  readonly id?: unknown;
  readonly interrupt_id?: unknown;
  readonly ns?: readonly unknown[] | undefined;
}

const INTERRUPTS: ReadonlySet<unknown> = new Set(['GraphInterrupt', 'NodeInterrupt']);
/** What the engine throws where a signal aborted it, whatever the reason. */
const ABORTED: ReadonlySet<unknown> = new Set(['Abort', 'Aborted', 'This operation was aborted']);

/** What an error means to the work it ended; `fallbackId` names an interrupt without an id, `signals` what may abort it. */
export function meaningOf(
  error: unknown,
  fallbackId: string,
  signals: readonly (AbortSignal | undefined)[],
): ErrorMeaning {
  if (typeof error !== 'object' || error === null) return { kind: 'failure', error };
  const { name, message, is_bubble_up, interrupts } = error as GraphError;
  if (INTERRUPTS.has(name)) return { kind: 'interrupt', ids: idsOf(interrupts ?? [], fallbackId) };
  // A run that is drained for a shutdown waits until somebody goes on with it.
  if (name === 'GraphDrained') return { kind: 'interrupt', ids: ['drain'] };
  if (is_bubble_up === true) return { kind: 'control' };
  if (name === 'NodeTimeoutError') return { kind: 'failure', outcome: 'timeout', error };
  const isAbort = ABORTED.has(message) || name === 'AbortError';
  const aborts = isAbort ? signals.filter((signal) => signal?.aborted === true) : [];
  if (aborts.length === 0) return { kind: 'failure', error };
  const timeout = aborts.find((signal) => isTimeout(signal?.reason));
  if (timeout === undefined) return { kind: 'failure', outcome: 'cancellation', error };
  return { kind: 'failure', outcome: 'timeout', error: timeout.reason };
}

function idsOf(interrupts: readonly InterruptValue[], fallbackId: string): readonly string[] {
  const ids = interrupts.map(({ id, interrupt_id, ns }) =>
    String(id ?? interrupt_id ?? ns?.join('|') ?? fallbackId),
  );
  return ids.length === 0 ? [fallbackId] : ids;
}

function isTimeout(reason: unknown): boolean {
  return (reason as { readonly name?: unknown } | undefined)?.name === 'TimeoutError';
}
