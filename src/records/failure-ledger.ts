import type { ExecutionKind } from '../execution.ts';
import { ERROR_TYPE_OTHER } from '../semconv.ts';
import { aggregateSize, type ErrorDetails, errorsOf } from './error-details.ts';
import type { FailedStepRef } from './execution-record.ts';
import { linkedByText } from './linked-text.ts';

/** An error an execution ended with: the object, where it is known, and its description. */
export interface EndedWith {
  /** The thrown value; undefined where the execution failed without one. */
  readonly thrown: unknown;
  readonly details: ErrorDetails;
}

/** The execution at the bottom of a chain of failures: the one that failed by itself. */
export interface FailureRoot extends FailedStepRef {
  readonly details: ErrorDetails;
}

/** A failed child, as its parent remembers it: with the error it ended with or, having none, took over. */
export interface ChildFailure extends EndedWith {
  readonly kind: ExecutionKind;
  readonly name: string;
  readonly attempt: number;
  /** When it ended, on the counter of starts and ends. */
  readonly endOrder: number;
  readonly root: FailureRoot;
}

/** Why an execution failed: what its record says, and the error its own parent knows it by. */
export interface FailureVerdict extends EndedWith {
  /** The error of the record: the execution's own or, where it has none, its root's. */
  readonly recorded: ErrorDetails;
  /** Where the failure started; undefined where the execution failed by itself. */
  readonly root?: FailureRoot;
  /** The roots of all linked failures, first to end first, at most {@link MAX_LISTED}. */
  readonly linked: readonly FailedStepRef[];
  readonly failedCount: number;
  readonly recoveredFailures: number;
  /** Whether the very same error object already left its stack on a child's record. */
  readonly isStackElsewhere: boolean;
}

/** Failures kept of one parent: the first ones (root causes), and the last ones (what a retry loop gives up with). */
const MAX_FIRST = 8;
const MAX_LAST = 8;
/** Linked failures that are listed by name. */
export const MAX_LISTED = 8;

interface Kept {
  readonly failure: ChildFailure;
  madeGood: boolean;
}

/**
 * The failed children of one execution, until it ends and it is known whether it failed because of them. Only the
 * failures of the first and the last eight children to fail are kept, all are counted.
 */
export class FailureLedger {
  readonly #first: Kept[] = [];
  readonly #last: Kept[] = [];
  #count = 0;

  /** How many children failed. */
  get count(): number {
    return this.#count;
  }

  add(failure: ChildFailure): void {
    this.#count++;
    const kept = { failure, madeGood: false };
    if (this.#first.length < MAX_FIRST) {
      this.#first.push(kept);
      return;
    }
    if (this.#last.length === MAX_LAST) this.#last.shift();
    this.#last.push(kept);
  }

  /**
   * A child succeeded: it makes good the failures of the same kind and name that it is a later attempt of, by its
   * number or because it started after they had ended. A sibling that ran beside them makes nothing good.
   */
  childSucceeded(kind: ExecutionKind, name: string, attempt: number, startOrder: number): void {
    for (const kept of this.#kept()) {
      const { failure } = kept;
      if (failure.kind !== kind || failure.name !== name) continue;
      if (attempt > failure.attempt || startOrder > failure.endOrder) kept.madeGood = true;
    }
  }

  /** Why an execution failed that ended with `own`. Changes nothing, so it can be asked twice. */
  verdict(own: EndedWith): FailureVerdict {
    const kept = this.#kept();
    if (own.thrown === undefined) return this.#verdictWithoutError(own, kept);
    const linked = linkedTo(own, kept);
    const first = linked[0];
    if (first === undefined) return failedByItself(own, this.#count);
    const notKept = this.#count - kept.length;
    const members = aggregateSize(own.thrown);
    // Those not kept can not be compared; an aggregate of more errors than were linked has theirs in it.
    const failedCount = linked.length + Math.max(0, Math.min(notKept, members - linked.length));
    return {
      thrown: own.thrown,
      details: own.details,
      recorded: { ...own.details, fingerprint: first.root.details.fingerprint },
      root: first.root,
      linked: rootsOf(linked),
      failedCount,
      recoveredFailures: this.#count - failedCount,
      isStackElsewhere: linked.some((failure) => isSameObject(failure.thrown, own.thrown)),
    };
  }

  /** No error object to compare: text may still link it, else the first failure that nothing made good is taken. */
  #verdictWithoutError(own: EndedWith, kept: readonly Kept[]): FailureVerdict {
    const standing = kept.filter(({ madeGood }) => !madeGood).map(({ failure }) => failure);
    const byText = linkedByText(own.details.links, failuresOf(kept), detailsOf);
    const linked = byText.length > 0 ? byText : standing;
    const first = linked[0];
    if (first === undefined) return failedByItself(own, this.#count);
    const failedCount = linked.length + (byText.length > 0 ? 0 : this.#count - kept.length);
    const hasOwnText = own.details.message !== undefined || own.details.type !== ERROR_TYPE_OTHER;
    const rootDetails = first.root.details;
    // A text without a type, as a queue hands it on, is of the type that the root says.
    const type = own.details.type === ERROR_TYPE_OTHER ? rootDetails.type : own.details.type;
    return {
      thrown: first.thrown,
      details: first.details,
      recorded: hasOwnText ? { ...own.details, type, fingerprint: rootDetails.fingerprint } : rootDetails,
      root: first.root,
      linked: rootsOf(linked),
      failedCount,
      recoveredFailures: this.#count - failedCount,
      isStackElsewhere: false,
    };
  }

  #kept(): readonly Kept[] {
    return this.#last.length === 0 ? this.#first : [...this.#first, ...this.#last];
  }
}

/** What the parent of a failed execution remembers of it. No stack: that is on the record already. */
export function childFailureOf(
  child: Pick<ChildFailure, 'kind' | 'name' | 'attempt' | 'endOrder'> & { readonly recordId: string },
  verdict: FailureVerdict,
): ChildFailure {
  const { kind, name, attempt, endOrder, recordId } = child;
  const { stack: _, ...details } = verdict.details;
  const root = verdict.root ?? { name, recordId, details };
  return { kind, name, attempt, endOrder, thrown: verdict.thrown, details, root };
}

/** The verdict on an execution that no child's failure explains. */
export function failedByItself(own: EndedWith, recoveredFailures: number): FailureVerdict {
  return {
    thrown: own.thrown,
    details: own.details,
    recorded: own.details,
    linked: [],
    failedCount: 0,
    recoveredFailures,
    isStackElsewhere: false,
  };
}

/**
 * The failures an error stands for, first to end first. The strongest link there is decides: the same object
 * somewhere in the two chains; else the same type and message; else a message contained in the other. So two
 * children that failed with one text are told apart by the object their parent threw.
 */
function linkedTo(own: EndedWith, kept: readonly Kept[]): readonly ChildFailure[] {
  const ownErrors = errorsOf(own.thrown);
  const byObject = failuresOf(kept).filter(({ thrown }) => isLinkedByObject(own.thrown, ownErrors, thrown));
  return byObject.length > 0 ? byObject : linkedByText(own.details.links, failuresOf(kept), detailsOf);
}

function isLinkedByObject(own: unknown, ownErrors: ReadonlySet<unknown>, thrown: unknown): boolean {
  if (isObject(thrown) && ownErrors.has(thrown)) return true;
  return isObject(own) && isObject(thrown) && errorsOf(thrown).has(own);
}

function failuresOf(kept: readonly Kept[]): readonly ChildFailure[] {
  return kept.map(({ failure }) => failure);
}

function detailsOf({ details }: ChildFailure): ErrorDetails {
  return details;
}

function rootsOf(failures: readonly ChildFailure[]): readonly FailedStepRef[] {
  return failures.slice(0, MAX_LISTED).map(({ root }) => root);
}

function isSameObject(one: unknown, other: unknown): boolean {
  return isObject(one) && one === other;
}

function isObject(value: unknown): boolean {
  return (typeof value === 'object' && value !== null) || typeof value === 'function';
}
