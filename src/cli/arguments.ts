import { InvalidArgumentError } from 'commander';
import { parseDuration, parseSince, parseSize } from './quantities.ts';

/** A point in time from an option. What can not be read is a usage error that says what can. */
export function sinceArgument(text: string): number {
  return (
    parseSince(text, Date.now()) ?? refuse('Expected a length of time (90s, 1h, 7d) or an ISO date or time.')
  );
}

/** Milliseconds from an option. */
export function durationArgument(text: string): number {
  return parseDuration(text) ?? refuse('Expected a length of time with its unit, such as 12h, 7d or 4w.');
}

/** Bytes from an option. */
export function sizeArgument(text: string): number {
  return parseSize(text) ?? refuse('Expected a size, such as 500MB or 1GiB.');
}

/** A count from an option: a whole number above zero. */
export function countArgument(text: string): number {
  const count = Number(text);
  return /^\d+$/.test(text) && Number.isSafeInteger(count) && count > 0
    ? count
    : refuse('Expected a whole number above zero.');
}

function refuse(expectation: string): never {
  throw new InvalidArgumentError(expectation);
}
