/**
 * What an error of a store means for the records that were being written.
 * - `transient`: passes by itself; the same write works later.
 * - `environment`: the machine is short of something, such as disk space; works when that is mended.
 * - `configuration`: somebody has to change a setting or a permission.
 * - `fatal`: the store itself is damaged.
 * - `data`: the content of a record is refused, now and always.
 * - `unknown`: none of the rows; a canary write finds out whether the records or the store are to blame.
 */
export type ErrorClass = 'transient' | 'environment' | 'configuration' | 'fatal' | 'data' | 'unknown';

/** An error as the exporter sees it: what it means, and a code that is safe to print. */
export interface ClassifiedError {
  readonly errorClass: ErrorClass;
  readonly code: string;
}

/** One row: the codes that mean the same, with the name each is printed by where the code does not say it. */
type ErrorRow = readonly [
  errorClass: ErrorClass,
  codes: Readonly<Record<string, string>> | readonly string[],
];

/** Codes of one origin: how to read one off an error, the rows, and the wider code an unlisted one falls under. */
interface ErrorFamily {
  readonly codeOf: (error: ErrorShape) => string | undefined;
  readonly widen?: (code: string) => string;
  readonly rows: readonly ErrorRow[];
}

interface ErrorShape {
  readonly name?: unknown;
  readonly code?: unknown;
  readonly errcode?: unknown;
  readonly cause?: unknown;
}

/** Result codes of https://www.sqlite.org/rescode.html; an extended code falls under its low byte. */
const SQLITE: ErrorFamily = {
  codeOf: ({ errcode }) => (Number.isInteger(errcode) ? String(errcode) : undefined),
  widen: (code) => String(Number(code) & 0xff),
  rows: [
    ['transient', { 4: 'SQLITE_ABORT', 5: 'SQLITE_BUSY', 6: 'SQLITE_LOCKED', 9: 'SQLITE_INTERRUPT' }],
    ['transient', { 15: 'SQLITE_PROTOCOL', 17: 'SQLITE_SCHEMA' }],
    ['transient', { 261: 'SQLITE_BUSY_RECOVERY', 517: 'SQLITE_BUSY_SNAPSHOT' }],
    ['environment', { 7: 'SQLITE_NOMEM', 10: 'SQLITE_IOERR', 13: 'SQLITE_FULL' }],
    ['configuration', { 3: 'SQLITE_PERM', 8: 'SQLITE_READONLY', 14: 'SQLITE_CANTOPEN', 23: 'SQLITE_AUTH' }],
    ['fatal', { 11: 'SQLITE_CORRUPT', 26: 'SQLITE_NOTADB' }],
    ['data', { 18: 'SQLITE_TOOBIG', 19: 'SQLITE_CONSTRAINT', 20: 'SQLITE_MISMATCH', 25: 'SQLITE_RANGE' }],
  ],
};

/** Errors without a code of their own that the platform names. */
const PLATFORM: ErrorFamily = {
  codeOf: ({ name }) => (typeof name === 'string' ? name : undefined),
  rows: [
    ['transient', ['TimeoutError', 'AbortError']],
    ['data', ['DataCloneError']],
  ],
};

/** Codes of the operating system, of name resolution, of Node.js itself and of our own stores. */
const NODE: ErrorFamily = {
  codeOf: ({ code }) => (typeof code === 'string' ? code : undefined),
  rows: [
    [
      'transient',
      ['ECONNREFUSED', 'ECONNRESET', 'ECONNABORTED', 'ENOTCONN', 'EPIPE', 'ETIMEDOUT', 'ESOCKETTIMEDOUT'],
    ],
    ['transient', ['EHOSTUNREACH', 'EHOSTDOWN', 'ENETUNREACH', 'ENETDOWN', 'ENETRESET', 'EADDRNOTAVAIL']],
    ['transient', ['ENOTFOUND', 'EAI_AGAIN', 'EBUSY', 'EAGAIN', 'EINTR']],
    [
      'transient',
      ['ABORT_ERR', 'ERR_STREAM_PREMATURE_CLOSE', 'ERR_SOCKET_CLOSED', 'ERR_SOCKET_CONNECTION_TIMEOUT'],
    ],
    [
      'transient',
      [
        'ERR_WORKER_NOT_RUNNING',
        'ERR_WORKER_OUT_OF_MEMORY',
        'ERR_WORKER_INIT_FAILED',
        'RUNLEDGER_STORE_NOT_OPEN',
      ],
    ],
    ['environment', ['ENOSPC', 'EDQUOT', 'EIO', 'EMFILE', 'ENFILE', 'ENOMEM', 'ENOBUFS', 'EFBIG']],
    ['configuration', ['EACCES', 'EPERM', 'EROFS', 'ENOENT', 'ENOTDIR', 'EISDIR']],
    ['configuration', ['RUNLEDGER_SCHEMA_MISMATCH', 'RUNLEDGER_STORE_CLOSED']],
    ['data', ['ERR_INVALID_ARG_TYPE', 'ERR_INVALID_ARG_VALUE', 'ERR_OUT_OF_RANGE', 'ERR_STRING_TOO_LONG']],
  ],
};

/** Asked in this order: the more exact code first. Another database is another family. */
const FAMILIES = [SQLITE, PLATFORM, NODE].map((family) => ({ ...family, classes: classesOf(family.rows) }));

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
  for (const { codeOf, widen, classes } of FAMILIES) {
    const code = codeOf(error);
    if (code === undefined) continue;
    const classified = classes.get(code) ?? (widen === undefined ? undefined : classes.get(widen(code)));
    if (classified !== undefined) return classified;
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
