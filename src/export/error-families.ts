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

/** One row: the codes that mean the same, with the name each is printed by where the code does not say it. */
export type ErrorRow = readonly [
  errorClass: ErrorClass,
  codes: Readonly<Record<string, string>> | readonly string[],
];

/** Codes of one origin: how to read one off an error, the rows, and the wider code an unlisted one falls under. */
export interface ErrorFamily {
  readonly codeOf: (error: ErrorShape) => string | undefined;
  readonly widen?: (code: string) => string;
  /** Whether an error is printed by its own code, not by the one it falls under. */
  readonly printsOwn?: true;
  readonly rows: readonly ErrorRow[];
}

/** What is read off an error. */
export interface ErrorShape {
  readonly name?: unknown;
  readonly code?: unknown;
  readonly errcode?: unknown;
  readonly errno?: unknown;
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

/** The same by name, as `better-sqlite3` and `libsql` have it; an extended code begins with the name of its primary one. */
const SQLITE_NAMES: ErrorFamily = {
  codeOf: ({ code }) => (typeof code === 'string' && code.startsWith('SQLITE_') ? code : undefined),
  widen: (code) => /^SQLITE_[A-Z]+/.exec(code)?.[0] ?? code,
  rows: SQLITE.rows.map(([errorClass, codes]) => [errorClass, Object.values(codes)]),
};

/** SQLSTATEs of https://www.postgresql.org/docs/current/errcodes-appendix.html; an unlisted one falls under its class. */
const POSTGRES: ErrorFamily = {
  codeOf: ({ code }) => (typeof code === 'string' && /^(?=\D*\d)[0-9A-Z]{5}$/.test(code) ? code : undefined),
  widen: (code) => code.slice(0, 2),
  printsOwn: true,
  rows: [
    // Connections, resources, a server that goes or comes, locks, a statement that was cancelled, a server to be read alone.
    [
      'transient',
      ['08', '53', '57P01', '57P02', '57P03', '57P05', '57014', '40', '55P03', '25006', '25P02', '25P03'],
    ],
    // A prepared statement that a pooler in between has lost, or has from somebody else.
    ['transient', ['26', '42P05']],
    ['environment', ['53100', '53200', '58030', '58']],
    ['configuration', ['28', '3D', '3F', '42', '0A', '57P04', '55000']],
    ['fatal', ['XX001', 'XX002']],
    // The protocol violation among the connections is a statement with too many parameters.
    ['data', ['08P01', '21', '22', '23', '54']],
  ],
};

/** Numbers of https://dev.mysql.com/doc/mysql-errors/8.4/en/ and https://mariadb.com/kb/en/mariadb-error-codes/. */
const MYSQL: ErrorFamily = {
  codeOf: ({ errno }) => (Number.isInteger(errno) && Number(errno) >= 1000 ? String(errno) : undefined),
  rows: [
    ['transient', { 1040: 'ER_CON_COUNT_ERROR', 1203: 'ER_TOO_MANY_USER_CONNECTIONS' }],
    ['transient', { 1205: 'ER_LOCK_WAIT_TIMEOUT', 1213: 'ER_LOCK_DEADLOCK', 3572: 'ER_LOCK_NOWAIT' }],
    ['transient', { 1053: 'ER_SERVER_SHUTDOWN', 1077: 'ER_NORMAL_SHUTDOWN', 1079: 'ER_SHUTDOWN_COMPLETE' }],
    [
      'transient',
      { 1152: 'ER_ABORTING_CONNECTION', 1158: 'ER_NET_READ_ERROR', 1159: 'ER_NET_READ_INTERRUPTED' },
    ],
    ['transient', { 1160: 'ER_NET_ERROR_ON_WRITE', 1161: 'ER_NET_WRITE_INTERRUPTED' }],
    ['transient', { 1317: 'ER_QUERY_INTERRUPTED', 1969: 'ER_STATEMENT_TIMEOUT', 3024: 'ER_QUERY_TIMEOUT' }],
    ['transient', { 1927: 'ER_CONNECTION_KILLED', 4031: 'ER_CLIENT_INTERACTION_TIMEOUT' }],
    [
      'transient',
      { 1290: 'ER_OPTION_PREVENTS_STATEMENT', 1792: 'ER_READ_ONLY_TRANSACTION', 1836: 'ER_READ_ONLY_MODE' },
    ],
    ['transient', { 2002: 'CR_CONNECTION_ERROR', 2003: 'CR_CONN_HOST_ERROR', 2006: 'CR_SERVER_GONE_ERROR' }],
    [
      'transient',
      { 2013: 'CR_SERVER_LOST', 3168: 'ER_SERVER_ISNT_AVAILABLE', 3169: 'ER_SESSION_WAS_KILLED' },
    ],
    // A node of a cluster that is not ready, or that the others did not follow; Galera has the first for it.
    ['transient', { 1047: 'ER_UNKNOWN_COM_ERROR', 3100: 'ER_RUN_HOOK_ERROR' }],
    ['transient', { 3101: 'ER_TRANSACTION_ROLLBACK_DURING_COMMIT', 1226: 'ER_USER_LIMIT_REACHED' }],
    // A prepared statement that a proxy in between, or a change of the table, has made void.
    ['transient', { 1243: 'ER_UNKNOWN_STMT_HANDLER', 1615: 'ER_NEED_REPREPARE' }],
    ['transient', { 1412: 'ER_TABLE_DEF_CHANGED', 1461: 'ER_MAX_PREPARED_STMT_COUNT_REACHED' }],
    ['environment', { 1021: 'ER_DISK_FULL', 1026: 'ER_ERROR_ON_WRITE', 1114: 'ER_RECORD_FILE_FULL' }],
    ['environment', { 1037: 'ER_OUTOFMEMORY', 1038: 'ER_OUT_OF_SORTMEMORY', 1041: 'ER_OUT_OF_RESOURCES' }],
    [
      'configuration',
      { 1044: 'ER_DBACCESS_DENIED_ERROR', 1045: 'ER_ACCESS_DENIED_ERROR', 1698: 'ER_ACCESS_DENIED' },
    ],
    ['configuration', { 1142: 'ER_TABLEACCESS_DENIED_ERROR', 1143: 'ER_COLUMNACCESS_DENIED_ERROR' }],
    ['configuration', { 1227: 'ER_SPECIFIC_ACCESS_DENIED_ERROR', 1130: 'ER_HOST_NOT_PRIVILEGED' }],
    ['configuration', { 1129: 'ER_HOST_IS_BLOCKED', 1251: 'ER_NOT_SUPPORTED_AUTH_MODE' }],
    ['configuration', { 1820: 'ER_MUST_CHANGE_PASSWORD', 1862: 'ER_MUST_CHANGE_PASSWORD_LOGIN' }],
    ['configuration', { 3118: 'ER_ACCOUNT_HAS_BEEN_LOCKED', 3159: 'ER_SECURE_TRANSPORT_REQUIRED' }],
    ['configuration', { 1046: 'ER_NO_DB_ERROR', 1049: 'ER_BAD_DB_ERROR', 1054: 'ER_BAD_FIELD_ERROR' }],
    ['configuration', { 1146: 'ER_NO_SUCH_TABLE', 1064: 'ER_PARSE_ERROR' }],
    ['fatal', { 1034: 'ER_NOT_KEYFILE', 1194: 'ER_CRASHED_ON_USAGE', 1195: 'ER_CRASHED_ON_REPAIR' }],
    ['fatal', { 1712: 'ER_INDEX_CORRUPT' }],
    ['data', { 1048: 'ER_BAD_NULL_ERROR', 1062: 'ER_DUP_ENTRY', 1364: 'ER_NO_DEFAULT_FOR_FIELD' }],
    [
      'data',
      { 1264: 'ER_WARN_DATA_OUT_OF_RANGE', 1265: 'ER_WARN_DATA_TRUNCATED', 1292: 'ER_TRUNCATED_WRONG_VALUE' },
    ],
    ['data', { 1300: 'ER_INVALID_CHARACTER_STRING', 1366: 'ER_TRUNCATED_WRONG_VALUE_FOR_FIELD' }],
    ['data', { 1406: 'ER_DATA_TOO_LONG', 1118: 'ER_TOO_BIG_ROWSIZE', 1690: 'ER_DATA_OUT_OF_RANGE' }],
    [
      'data',
      { 3140: 'ER_INVALID_JSON_TEXT', 3819: 'ER_CHECK_CONSTRAINT_VIOLATED', 4025: 'ER_CONSTRAINT_FAILED' },
    ],
    // Too much in one statement: halves of the batch fit, and only a record that is too large by itself does not.
    ['data', { 1153: 'ER_NET_PACKET_TOO_LARGE', 1390: 'ER_PS_MANY_PARAM' }],
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
      [
        'ABORT_ERR',
        'ERR_STREAM_PREMATURE_CLOSE',
        'ERR_STREAM_DESTROYED',
        'ERR_STREAM_WRITE_AFTER_END',
        'ERR_SOCKET_CLOSED',
        'ERR_SOCKET_CONNECTION_TIMEOUT',
      ],
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
    [
      'transient',
      ['PROTOCOL_CONNECTION_LOST', 'PROTOCOL_SEQUENCE_TIMEOUT', 'PROTOCOL_ENQUEUE_AFTER_FATAL_ERROR'],
    ],
    ['transient', ['RUNLEDGER_POOLER_UNAVAILABLE', 'RUNLEDGER_NOT_REPLICATED']],
    ['configuration', ['RUNLEDGER_SCHEMA_MISMATCH', 'RUNLEDGER_STORE_CLOSED', 'RUNLEDGER_DRIVER_MISSING']],
    ['configuration', ['RUNLEDGER_STATEMENT_POOLING', 'RUNLEDGER_POOLER_REFUSES']],
    ['configuration', ['SELF_SIGNED_CERT_IN_CHAIN', 'DEPTH_ZERO_SELF_SIGNED_CERT', 'CERT_HAS_EXPIRED']],
    [
      'configuration',
      ['UNABLE_TO_VERIFY_LEAF_SIGNATURE', 'ERR_TLS_CERT_ALTNAME_INVALID', 'HANDSHAKE_NO_SSL_SUPPORT'],
    ],
    ['data', ['ERR_INVALID_ARG_TYPE', 'ERR_INVALID_ARG_VALUE', 'ERR_OUT_OF_RANGE', 'ERR_STRING_TOO_LONG']],
  ],
};

/** Asked in this order: the more exact code first. Another database is another family. */
export const ERROR_FAMILIES: readonly ErrorFamily[] = [SQLITE, SQLITE_NAMES, MYSQL, POSTGRES, PLATFORM, NODE];
