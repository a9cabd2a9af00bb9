import { join } from 'node:path';
import { fileNameOf, serverOf, spoolNameOf } from '../store/ledger-location.ts';
import { MemoryRecordStore } from '../store/memory-record-store.ts';
import type { Durability, RecordStore } from '../store/record-store.ts';
import { MysqlRecordStore } from '../store/sql/mysql/mysql-record-store.ts';
import { PostgresRecordStore } from '../store/sql/postgres/postgres-record-store.ts';
import { SqliteRecordStore } from '../store/sql/sqlite-record-store.ts';

/** Where records go. `none`: nowhere, and none are made. */
export type StoreChoice =
  | { readonly kind: 'sqlite'; readonly path: string }
  | { readonly kind: 'postgres'; readonly url: string }
  | { readonly kind: 'mysql'; readonly url: string }
  | { readonly kind: 'memory' }
  | { readonly kind: 'none' }
  | { readonly kind: 'own'; readonly store: RecordStore };

const EXPECTED = "'sqlite:PATH', 'postgres://…', 'mysql://…', 'memory:', 'none' or a RecordStore";
const SERVER_SCHEMES = /^(?:postgres|postgresql|mysql|mariadb)$/i;

/** Reads the `store` option. Throws what is wrong with it; a URL's credentials never reach the message. */
export function storeChoice(store: string | RecordStore | undefined, directory: string): StoreChoice {
  if (store === undefined) return { kind: 'sqlite', path: join(directory, 'ledger.db') };
  if (typeof store !== 'string') return ownStore(store);
  if (store === 'none') return { kind: 'none' };
  const colon = store.indexOf(':');
  const scheme = store.slice(0, Math.max(colon, 0));
  const rest = store.slice(colon + 1);
  if (scheme === 'memory' && rest === '') return { kind: 'memory' };
  if (scheme === 'sqlite' && rest !== '' && rest !== ':memory:') return { kind: 'sqlite', path: rest };
  if (SERVER_SCHEMES.test(scheme)) return serverChoice(scheme, store);
  const shown = scheme === '' ? `'${store}'` : `${scheme}:…`;
  throw new TypeError(`store (${shown}) must be ${EXPECTED}`);
}

/**
 * Where the spool of a store is: beside a file, else below `directory`. One for each store, since whoever finds records
 * of a dead process there brings them to its own store. Undefined where records do not outlive the process anyway.
 */
export function spoolDirectoryOf(choice: StoreChoice, directory: string): string | undefined {
  switch (choice.kind) {
    case 'sqlite':
      return `${choice.path}.spool`;
    case 'postgres':
    case 'mysql':
      return join(directory, spoolNameOf(choice.url));
    case 'own':
      if (choice.store instanceof MemoryRecordStore) return undefined;
      return join(directory, `${fileNameOf(String(choice.store.name))}.spool`);
    default:
      return undefined;
  }
}

/**
 * Makes the store; none is opened before its first record. Undefined for `none`. Where records are to survive a power cut
 * the store has to as well, since what it has taken leaves the spool: servers do by themselves, a file on demand.
 */
export function storeFromChoice(choice: StoreChoice, durability: Durability): RecordStore | undefined {
  switch (choice.kind) {
    case 'sqlite':
      return new SqliteRecordStore({
        path: choice.path,
        synchronous: durability === 'os' ? 'full' : 'normal',
      });
    case 'postgres':
      return new PostgresRecordStore({ url: choice.url });
    case 'mysql':
      return new MysqlRecordStore({ url: choice.url });
    case 'memory':
      return new MemoryRecordStore();
    case 'own':
      return choice.store;
    case 'none':
      return undefined;
  }
}

/** A server can be anywhere, and on it is more than one database: both have to be said. */
function serverChoice(scheme: string, url: string): StoreChoice {
  const kind = serverOf(url);
  const parsed = URL.canParse(url) ? new URL(url) : undefined;
  // The URL of a server holds a password, so it is not shown.
  if (kind === undefined || parsed === undefined || parsed.pathname.length < 2) {
    throw new TypeError(`store (${scheme}:…) must name a database: ${scheme}://user:password@host/database`);
  }
  assertInstalled(kind, scheme);
  return { kind, url };
}

const DRIVERS = { postgres: 'pg', mysql: 'mysql2' } as const;

/** Said at the start: found out with the first record, it would be a line in a log. */
function assertInstalled(kind: keyof typeof DRIVERS, scheme: string): void {
  const driver = DRIVERS[kind];
  try {
    import.meta.resolve(driver);
  } catch {
    throw new TypeError(
      `store (${scheme}:…) needs the package ${driver}, which is not installed: npm install ${driver}`,
    );
  }
}

const METHODS = ['init', 'write', 'quarantine', 'prune', 'close'] as const;

function ownStore(store: RecordStore): StoreChoice {
  const missing = METHODS.filter((method) => typeof store?.[method] !== 'function');
  if (missing.length === 0) return { kind: 'own', store };
  throw new TypeError(`store must be ${EXPECTED}; what was given has no ${missing.join(', ')}`);
}
