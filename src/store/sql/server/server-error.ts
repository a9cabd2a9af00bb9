import { LedgerError, type LedgerErrorCode } from '../ledger-error.ts';

/** What errors of a server mean for somebody who reads a ledger: codes, and what to do. */
const EXPLANATIONS: readonly (readonly [
  codes: readonly string[],
  code: LedgerErrorCode,
  explain: (shown: string, code: string) => string,
])[] = [
  [
    [
      'ECONNREFUSED',
      'ENOTFOUND',
      'EAI_AGAIN',
      'EHOSTUNREACH',
      'ENETUNREACH',
      'ETIMEDOUT',
      'ECONNRESET',
      'ERR_SOCKET_CLOSED',
      '57P03',
      'PROTOCOL_CONNECTION_LOST',
      'RUNLEDGER_POOLER_UNAVAILABLE',
    ],
    'LEDGER_UNREADABLE',
    (shown, code) => `${shown} can not be reached (${code}). Check host and port, and that the server runs.`,
  ],
  [
    ['28P01', '28000', '1045', '1698'],
    'LEDGER_UNREADABLE',
    (shown, code) => `${shown} does not let this user in (${code}). Check user and password of the URL.`,
  ],
  [
    ['3D000', '1049'],
    'LEDGER_NOT_FOUND',
    (shown, code) => `there is no database ${shown} (${code}). Check its name.`,
  ],
  [
    ['42501', '1142', '1044', '1143'],
    'LEDGER_UNREADABLE',
    (shown, code) =>
      `this user may not read the ledger in ${shown} (${code}). It needs SELECT on its tables and views.`,
  ],
];

/** Codes of errors of ours whose message says what to do. */
const OURS = ['RUNLEDGER_DRIVER_MISSING', 'RUNLEDGER_STATEMENT_POOLING', 'RUNLEDGER_POOLER_REFUSES'];

/** What an error of a server means for somebody who reads the ledger there; undefined where it says nothing. */
export function serverErrorFrom(error: unknown, shown: string): LedgerError | undefined {
  if (error instanceof LedgerError) return error;
  const { code, errno, message } = error as { code?: unknown; errno?: unknown; message?: unknown };
  const found = [String(errno), String(code)];
  for (const [codes, ledgerCode, explain] of EXPLANATIONS) {
    const match = found.find((one) => codes.includes(one));
    if (match !== undefined) return new LedgerError(ledgerCode, explain(shown, match), { cause: error });
  }
  if (OURS.includes(String(code)))
    return new LedgerError('LEDGER_UNREADABLE', String(message), { cause: error });
  return undefined;
}
