/** Databases on a server that can hold a ledger. */
export type LedgerServerKind = 'postgres' | 'mysql';

const SCHEMES: Readonly<Record<string, LedgerServerKind>> = {
  postgres: 'postgres',
  postgresql: 'postgres',
  mysql: 'mysql',
  mariadb: 'mysql',
};

/** What kind of server a ledger's URL names; undefined where it is no such URL, but a path. */
export function serverOf(location: string): LedgerServerKind | undefined {
  const scheme = /^([a-z]+):\/\//i.exec(location)?.[1]?.toLowerCase();
  return scheme !== undefined && Object.hasOwn(SCHEMES, scheme) ? SCHEMES[scheme] : undefined;
}

/** A URL of a database without user, password and parameters. What can not be read as a URL is not shown at all. */
export function shownUrl(url: string): string {
  const parsed = URL.canParse(url) ? new URL(url) : undefined;
  if (parsed === undefined) return `${/^[a-z]+(?=:)/i.exec(url)?.[0] ?? 'database'}://…`;
  return `${parsed.protocol}//${parsed.host}${parsed.pathname}`;
}

/** Name of the folder that holds the spool of a ledger on a server: another for each database. */
export function spoolNameOf(url: string): string {
  const { search } = new URL(url);
  if (search === '') return `${fileNameOf(shownUrl(url))}.spool`;
  // Parameters may name another schema, or hold a password.
  const { hash } = process.getBuiltinModule('node:crypto');
  return `${fileNameOf(shownUrl(url))}-${hash('sha256', search, 'hex').slice(0, 12)}.spool`;
}

/** A name that any file system takes, from any text. */
export function fileNameOf(text: string): string {
  return text.replace(/[^A-Za-z0-9._-]+/g, '-').slice(0, 100);
}
