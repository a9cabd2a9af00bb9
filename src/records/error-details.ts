import { ERROR_TYPE_OTHER } from '../semconv.ts';
import { boundedJson } from './bounded-json.ts';
import { boundedText, RecordMarks, TEXT_BOUNDS } from './bounded-text.ts';
import { fingerprintOf } from './error-fingerprint.ts';
import type { RecordFlag } from './execution-record.ts';

/** One error of a chain, as it is stored. */
export interface ErrorLink {
  readonly type: string;
  readonly message?: string;
  readonly code?: string;
}

/** What a record says about an error. Texts are bounded and well-formed. */
export interface ErrorDetails extends ErrorLink {
  readonly stack?: string;
  /** The error itself and what it was caused by, outermost first. */
  readonly links: readonly ErrorLink[];
  readonly fingerprint: string;
  readonly flags?: readonly RecordFlag[];
}

/** What a span says about an error; it wins over what the error object says, so that traces and records agree. */
export interface SaidOfError {
  readonly type?: string;
  readonly message?: string;
  readonly code?: string;
  readonly stack?: string;
}

/** Levels of `cause` and `AggregateError.errors` that are followed. */
const MAX_DEPTH = 5;
/** Errors of one chain that are looked at; the first {@link MAX_LINKS} are stored. */
const MAX_ERRORS = 256;
const MAX_LINKS = 16;

/**
 * Describes whatever was thrown: an error, a string, null, an object that throws when it is read. Never throws.
 * The type is the error's own `name`, or its class where the name is only `Error`; for what is no object, its
 * `typeof`.
 */
export function detailsOfThrown(thrown: unknown, said: SaidOfError = {}): ErrorDetails {
  const marks = new RecordMarks();
  const own = linkOf(thrown, marks);
  const links: ErrorLink[] = [];
  for (const error of errorsOf(thrown)) {
    if (links.length === MAX_LINKS) break;
    links.push(links.length === 0 ? own : linkOf(error, marks));
  }
  const stack = textProperty(thrown, 'stack');
  return details({ ...own, ...(stack === undefined ? {} : { stack }) }, said, links, marks);
}

/** Describes a failure of which no error object is known. */
export function detailsOfSaid(said: SaidOfError): ErrorDetails {
  return details({ type: ERROR_TYPE_OTHER }, said, [], new RecordMarks());
}

/** Every error that an error stands for: itself, its causes, the members of an aggregate. Outermost first. */
export function errorsOf(thrown: unknown): ReadonlySet<unknown> {
  const found = new Set<unknown>();
  let level: unknown[] = [thrown];
  for (let depth = 0; depth <= MAX_DEPTH && level.length > 0; depth++) {
    const next: unknown[] = [];
    for (const error of level) {
      if (found.has(error) || found.size >= MAX_ERRORS) continue;
      found.add(error);
      const cause = property(error, 'cause');
      if (cause !== undefined && cause !== null) next.push(cause);
      for (const member of membersOf(error)) next.push(member);
    }
    level = next;
  }
  return found;
}

/** How many errors an `AggregateError` gathers; 0 for any other value. */
export function aggregateSize(thrown: unknown): number {
  return membersOf(thrown).length;
}

/** The chain as JSON; undefined where the error has neither cause nor members. */
export function chainJson(error: ErrorDetails, marks: RecordMarks): string | undefined {
  if (error.links.length < 2) return undefined;
  const { json, truncated } = boundedJson(error.links, { maxBytes: TEXT_BOUNDS.chain });
  if (truncated) marks.add('truncated');
  return json;
}

/** The error in one line: `type: message`. */
export function errorLine(error: ErrorDetails, marks: RecordMarks): string {
  const line = error.message === undefined ? error.type : `${error.type}: ${error.message}`;
  return boundedText(line, TEXT_BOUNDS.errorLine, marks);
}

function details(
  own: SaidOfError & { readonly type: string },
  said: SaidOfError,
  links: readonly ErrorLink[],
  marks: RecordMarks,
): ErrorDetails {
  const type = boundedText(meaningful(said.type) ?? own.type, TEXT_BOUNDS.id, marks);
  const code = said.code ?? own.code;
  const message = own.message ?? said.message;
  const stack = own.stack ?? said.stack;
  const link: ErrorLink = {
    type,
    ...(message === undefined ? {} : { message: boundedText(message, TEXT_BOUNDS.message, marks) }),
    ...(code === undefined ? {} : { code: boundedText(code, TEXT_BOUNDS.id, marks) }),
  };
  const boundedStack = stack === undefined ? undefined : boundedText(stack, TEXT_BOUNDS.stack, marks);
  return {
    ...link,
    ...(boundedStack === undefined ? {} : { stack: boundedStack }),
    links: [link, ...links.slice(1)],
    fingerprint: fingerprintOf(link, boundedStack),
    ...(marks.flags === undefined ? {} : { flags: marks.flags }),
  };
}

function meaningful(type: string | undefined): string | undefined {
  return type === undefined || type === '' || type === ERROR_TYPE_OTHER ? undefined : type;
}

function linkOf(thrown: unknown, marks: RecordMarks): ErrorLink {
  const message = messageOf(thrown);
  const code = codeOf(thrown);
  return {
    type: boundedText(typeOf(thrown), TEXT_BOUNDS.id, marks),
    ...(message === undefined ? {} : { message: boundedText(message, TEXT_BOUNDS.message, marks) }),
    ...(code === undefined ? {} : { code: boundedText(code, TEXT_BOUNDS.id, marks) }),
  };
}

function typeOf(thrown: unknown): string {
  if (thrown === null) return 'null';
  if (typeof thrown !== 'object') return typeof thrown;
  const name = textProperty(thrown, 'name');
  const className = textProperty(property(thrown, 'constructor'), 'name');
  // Only errors are named by `name`: a plain object's may be anything.
  const isNamed =
    name !== undefined && name !== '' && name !== 'Error' && textProperty(thrown, 'stack') !== undefined;
  if (isNamed && name !== 'error') return name;
  return className === undefined || className === '' ? 'Object' : className;
}

function messageOf(thrown: unknown): string | undefined {
  if (typeof thrown === 'string') return thrown;
  if (typeof thrown === 'function') return textProperty(thrown, 'name') ?? '';
  if (typeof thrown !== 'object' || thrown === null) return String(thrown);
  const message = textProperty(thrown, 'message');
  if (message !== undefined) return message;
  return boundedJson(thrown, { maxBytes: TEXT_BOUNDS.errorLine }).json;
}

function codeOf(thrown: unknown): string | undefined {
  const code = property(thrown, 'code');
  if (typeof code === 'string' && code !== '') return code;
  return typeof code === 'number' && Number.isFinite(code) ? String(code) : undefined;
}

function membersOf(thrown: unknown): readonly unknown[] {
  const members = property(thrown, 'errors');
  const found: unknown[] = [];
  try {
    if (!Array.isArray(members)) return found;
    const count = Math.min(members.length, MAX_ERRORS);
    for (let index = 0; index < count; index++) found.push(members[index]);
  } catch {
    // A member that throws when it is read ends the list.
  }
  return found;
}

function textProperty(value: unknown, key: string): string | undefined {
  const text = property(value, key);
  return typeof text === 'string' ? text : undefined;
}

/** A property of whatever was thrown. Reading it may run hostile code, so a throw counts as absent. */
function property(value: unknown, key: string): unknown {
  if ((typeof value !== 'object' && typeof value !== 'function') || value === null) return undefined;
  try {
    return (value as Record<string, unknown>)[key];
  } catch {
    return undefined;
  }
}
