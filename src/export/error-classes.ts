import { ERROR_FAMILIES, type ErrorClass, type ErrorRow, type ErrorShape } from './error-families.ts';

/** An error as the exporter sees it: what it means, and a code that is safe to print. */
export interface ClassifiedError {
  readonly errorClass: ErrorClass;
  readonly code: string;
}

const AWAY = ['transient', 'environment', 'fatal'] as const;

/** Whether an error says nothing about what was to be written, nor about who may write it: the store does not work. */
export function isStoreAway(errorClass: ErrorClass): errorClass is (typeof AWAY)[number] {
  return (AWAY as readonly ErrorClass[]).includes(errorClass);
}

const FAMILIES = ERROR_FAMILIES.map((family) => ({ ...family, classes: classesOf(family.rows) }));

/** An error wraps its cause at most so deep. */
const MAX_CAUSES = 5;

/**
 * Classes whatever a store threw, by its own code or else by that of its causes. Never throws. The code it returns
 * carries nothing of the error's message, which may hold a value of a record or a password.
 */
export function classifyError(error: unknown): ClassifiedError {
  try {
    let current = error;
    for (let depth = 0; depth <= MAX_CAUSES && isObject(current); depth++) {
      const classified = classifyOne(current);
      if (classified !== undefined) return classified;
      current = current.cause;
    }
    return { errorClass: 'unknown', code: printableCode(error) };
  } catch {
    return { errorClass: 'unknown', code: 'unreadable error' };
  }
}

function classifyOne(error: ErrorShape): ClassifiedError | undefined {
  for (const { codeOf, widen, printsOwn, classes } of FAMILIES) {
    const code = codeOf(error);
    if (code === undefined) continue;
    const classified = classes.get(code) ?? (widen === undefined ? undefined : classes.get(widen(code)));
    if (classified === undefined) continue;
    return printsOwn === true ? { ...classified, code } : classified;
  }
  return undefined;
}

function classesOf(rows: readonly ErrorRow[]): ReadonlyMap<string, ClassifiedError> {
  const classes = new Map<string, ClassifiedError>();
  for (const [errorClass, codes] of rows) {
    if (isList(codes)) for (const code of codes) classes.set(code, { errorClass, code });
    else for (const [code, name] of Object.entries(codes)) classes.set(code, { errorClass, code: name });
  }
  return classes;
}

/** A code is a short word; anything else could be text somebody typed. */
function printableCode(error: unknown): string {
  if (!isObject(error)) return typeof error;
  for (const word of [error.errcode, error.code, error.name]) {
    if (typeof word === 'number') return String(word);
    if (typeof word === 'string' && /^\w{1,64}$/.test(word)) return word;
  }
  return 'Error';
}

function isObject(value: unknown): value is ErrorShape {
  return typeof value === 'object' && value !== null;
}

function isList(codes: ErrorRow[1]): codes is readonly string[] {
  return Array.isArray(codes);
}
