import { LedgerError } from './ledger-error.ts';

/** White space and comments. */
export const BLANK = /^(?:\s|--[^\n]*(?:\n|$)|\/\*[\s\S]*?(?:\*\/|$))*/;
/** How a statement that only reads begins. ATTACH, VACUUM INTO and PRAGMA do not, though some of them look harmless. */
const READS = /^(?:select|with|values|explain)\b/i;

/**
 * A statement of the user's without what comes before it. Throws `QUERY_REFUSED` where it does not begin as one that reads;
 * that it does nothing else is up to the connection it is run on.
 */
export function readingStatement(text: string): string {
  const start = text.replace(BLANK, '');
  if (start === '') throw new LedgerError('QUERY_REFUSED', 'the query is empty');
  if (!READS.test(start)) {
    throw new LedgerError(
      'QUERY_REFUSED',
      `only a query that reads is run: SELECT, WITH, VALUES or EXPLAIN, not '${start.slice(0, 40)}'`,
    );
  }
  return start;
}
