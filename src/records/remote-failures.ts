import { type ExecutionKind, isFailed, type Outcome } from '../execution.ts';
import { ERROR_TYPE_OTHER } from '../semconv.ts';
import { boundedJson } from './bounded-json.ts';
import { TEXT_BOUNDS } from './bounded-text.ts';
import type { ErrorLink } from './error-details.ts';
import { fingerprintOf } from './error-fingerprint.ts';
import type { FailedStepRef } from './execution-record.ts';
import { MAX_LISTED } from './failure-ledger.ts';
import { linkedByText } from './linked-text.ts';

/** An ended execution, as the ledger knows it, whose children may live in other processes. */
export interface RemoteParent {
  readonly recordId: string;
  readonly outcome: Outcome;
  readonly error: ErrorLink & { readonly stack?: string };
  /** JSON of its chain of errors, where it has one. */
  readonly errorChain?: string | undefined;
  /** Where its failure started, as far as it is known. */
  readonly failedRecordId?: string | undefined;
}

/** An ended execution whose parent lives in another process. */
export interface RemoteChild {
  readonly recordId: string;
  readonly kind: ExecutionKind;
  readonly name: string;
  readonly attempt: number;
  readonly outcome: Outcome;
  readonly endedAt: number;
  readonly error: ErrorLink;
  readonly errorFingerprint?: string | undefined;
  /** Where its own failure started; undefined where it failed by itself. */
  readonly root?: FailedStepRef | undefined;
}

/** Where a failure started, as columns of the row that fails for it. All undefined where nothing below is to blame. */
export interface RemoteCause {
  readonly failedStep: string | undefined;
  readonly failedRecordId: string | undefined;
  /** JSON: `[{name, record_id}]`. */
  readonly failedSteps: string | undefined;
  readonly failedCount: number | undefined;
  readonly errorFingerprint: string | undefined;
}

/** What a parent's row says about its children in other processes. */
export interface RemoteVerdict {
  /** Failed children that did not make it fail. */
  readonly remoteFailures: number;
  /** What to put into its row; undefined where the row says it already, or a child of its own is to blame. */
  readonly cause: RemoteCause | undefined;
}

/**
 * What an execution's failed children in other processes mean for it, by the rules failures follow within a process:
 * a parent that did not fail counts them; one that failed takes over the first whose error its own repeats or, if it has
 * no message of its own, the first of all. What a later attempt made good is no cause. A parent that is already linked to a
 * child of its own process stays as it is. `failedCount` is the number of failed children, of which `children` may
 * be the first ones only. Asked again with the same rows, it comes to the same.
 */
export function remoteVerdict(
  parent: RemoteParent,
  children: readonly RemoteChild[],
  failedCount: number,
): RemoteVerdict {
  if (!isFailed(parent.outcome)) return { remoteFailures: failedCount, cause: undefined };
  if (hasOwnCause(parent, children)) return { remoteFailures: failedCount, cause: undefined };
  const linked = linkedChildren(parent, standingFailures(children));
  const remoteFailures = Math.max(0, failedCount - linked.length);
  const first = linked[0];
  if (first === undefined) {
    const isLinked = parent.failedRecordId !== undefined;
    return { remoteFailures, cause: isLinked ? causeWithoutChild(parent) : undefined };
  }
  const root = rootOf(first);
  const listed = linked.slice(0, MAX_LISTED).map(rootOf);
  const names = listed.map(({ name, recordId }) => ({ name, record_id: recordId }));
  return {
    remoteFailures,
    cause: {
      failedStep: root.name,
      failedRecordId: root.recordId,
      failedSteps: boundedJson(names, { maxBytes: TEXT_BOUNDS.list }).json,
      failedCount: linked.length,
      errorFingerprint: first.errorFingerprint,
    },
  };
}

/** Where the failure of a child started: at itself, where nobody below it is to blame. */
export function rootOf(child: RemoteChild): FailedStepRef {
  return child.root ?? { name: child.name, recordId: child.recordId };
}

/** A root that none of the remote children leads to was found in the parent's own process. */
function hasOwnCause({ failedRecordId }: RemoteParent, children: readonly RemoteChild[]): boolean {
  if (failedRecordId === undefined) return false;
  return !children.some(
    (child) => child.recordId === failedRecordId || rootOf(child).recordId === failedRecordId,
  );
}

/** Failed children that no later attempt of the same name made good, first to end first. */
function standingFailures(children: readonly RemoteChild[]): readonly RemoteChild[] {
  const lastSuccess = new Map<string, number>();
  for (const { kind, name, attempt, outcome } of children) {
    const key = `${kind} ${name}`;
    if (outcome === 'success') lastSuccess.set(key, Math.max(attempt, lastSuccess.get(key) ?? 0));
  }
  return children
    .filter(
      ({ kind, name, attempt, outcome }) =>
        isFailed(outcome) && attempt >= (lastSuccess.get(`${kind} ${name}`) ?? 0),
    )
    .toSorted((a, b) => a.endedAt - b.endedAt || (a.recordId < b.recordId ? -1 : 1));
}

function linkedChildren(parent: RemoteParent, failures: readonly RemoteChild[]): readonly RemoteChild[] {
  if (parent.error.message === undefined) return failures;
  return linkedByText([parent.error, ...chainOf(parent.errorChain)], failures, ({ error }) => error);
}

/** The row had a child of another process as its cause, and that child has not failed after all. */
function causeWithoutChild({ error }: RemoteParent): RemoteCause {
  return {
    failedStep: undefined,
    failedRecordId: undefined,
    failedSteps: undefined,
    failedCount: undefined,
    errorFingerprint: fingerprintOf(error, error.stack),
  };
}

/** The causes of the error. The chain is cut to a bound, so it may be no JSON any more. */
function chainOf(json: string | undefined): readonly ErrorLink[] {
  if (json === undefined) return [];
  try {
    const links: unknown = JSON.parse(json);
    return Array.isArray(links) ? links.flatMap(linkFrom) : [];
  } catch {
    return [];
  }
}

function linkFrom(value: unknown): readonly ErrorLink[] {
  if (typeof value !== 'object' || value === null) return [];
  const { type, message } = value as { readonly type?: unknown; readonly message?: unknown };
  const link = { type: typeof type === 'string' ? type : ERROR_TYPE_OTHER };
  return [typeof message === 'string' ? { ...link, message } : link];
}
