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
