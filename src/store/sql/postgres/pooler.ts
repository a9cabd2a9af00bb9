/**
 * `RUNLEDGER_STATEMENT_POOLING`: it pools by statement, so that there are no transactions.
 * `RUNLEDGER_POOLER_REFUSES`: somebody has to change a setting of it. `RUNLEDGER_POOLER_UNAVAILABLE`: passes by itself, as its
 * server comes back.
 */
type PoolerErrorCode =
  | 'RUNLEDGER_STATEMENT_POOLING'
  | 'RUNLEDGER_POOLER_REFUSES'
  | 'RUNLEDGER_POOLER_UNAVAILABLE';

/** What a pooler between us and PostgreSQL says itself. */
export class PoolerError extends Error {
  override readonly name = 'PoolerError';
  readonly code: PoolerErrorCode;

  constructor(code: PoolerErrorCode, message: string, options: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

const PROTOCOL_VIOLATION = '08P01';
/** What PgBouncer says of settings; the rest is of its server, of time limits, of an end. Its texts are in English everywhere. */
const REFUSAL =
  /^(?:no such (?:database|user)|database ".*" is disabled|unsupported startup parameter|PQexec disallowed|not allowed|SSL required|no username|bouncer config error|.*authentication failed|login rejected)/;

/**
 * What an error of the driver is where a pooler made it; else that error. PgBouncer says whatever it has to say with the code of
 * a protocol violation. Said by PostgreSQL, that blames the statement, and so the records in it, which is why the two have to be told
 * apart: PostgreSQL names the routine an error comes from.
 */
export function poolerErrorFrom(error: unknown): unknown {
  const { code, routine, message } = error as { code?: unknown; routine?: unknown; message?: unknown };
  if (code !== PROTOCOL_VIOLATION || routine !== undefined) return error;
  const said = String(message);
  if (said.includes('statement pooling mode')) {
    const advice =
      'the pooler in front of PostgreSQL pools by statement, and a ledger needs transactions: pool_mode has to be transaction or session';
    return new PoolerError('RUNLEDGER_STATEMENT_POOLING', advice, { cause: error });
  }
  const errorCode = REFUSAL.test(said) ? 'RUNLEDGER_POOLER_REFUSES' : 'RUNLEDGER_POOLER_UNAVAILABLE';
  return new PoolerError(errorCode, `the pooler in front of PostgreSQL says: ${said}`, { cause: error });
}
