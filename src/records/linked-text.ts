import type { ErrorLink } from './error-details.ts';

/** Shorter messages are in too many others to prove anything. */
const MIN_CONTAINED_LENGTH = 8;

/**
 * The failures whose error a chain of errors repeats: of equal type and message or, where there are none such, those
 * whose message one of the chain contains. `links` is the chain of the error that may have been caused by them.
 */
export function linkedByText<Failure>(
  links: readonly ErrorLink[],
  failures: readonly Failure[],
  errorOf: (failure: Failure) => ErrorLink,
): readonly Failure[] {
  const equal = failures.filter((failure) => isEqualText(links, errorOf(failure)));
  return equal.length > 0 ? equal : failures.filter((failure) => isContainedText(links, errorOf(failure)));
}

/** A link of the parent's chain may be a copy of the child's error: it crossed a worker, a queue, a network. */
function isEqualText(links: readonly ErrorLink[], child: ErrorLink): boolean {
  if (child.message === undefined) return false;
  return links.some(({ type, message }) => type === child.type && message === child.message);
}

function isContainedText(links: readonly ErrorLink[], child: ErrorLink): boolean {
  const text = child.message;
  if (text === undefined || text.length < MIN_CONTAINED_LENGTH) return false;
  return links.some(({ message }) => message?.includes(text) === true);
}
