import { join } from 'node:path';
import { MemoryRecordStore } from '../store/memory-record-store.ts';
import type { RecordStore } from '../store/record-store.ts';
import { SqliteRecordStore } from '../store/sql/sqlite-record-store.ts';

/** Where records go. `none`: nowhere, and none are made. */
export type StoreChoice =
  | { readonly kind: 'sqlite'; readonly path: string }
  | { readonly kind: 'memory' }
  | { readonly kind: 'none' }
  | { readonly kind: 'own'; readonly store: RecordStore };

const EXPECTED = "'sqlite:PATH', 'memory:', 'none' or a RecordStore";
const LATER = new Set(['postgres', 'postgresql', 'mysql', 'mariadb', 'clickhouse']);

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
  if (LATER.has(scheme.toLowerCase())) {
    throw new TypeError(
      `store (${scheme}:…) is not supported: this version keeps records in SQLite or in memory. Use ${EXPECTED}.`,
    );
  }
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
    case 'own':
      if (choice.store instanceof MemoryRecordStore) return undefined;
      return join(directory, `${fileNameOf(String(choice.store.name))}.spool`);
    default:
      return undefined;
  }
}

/** A name that any file system takes, from the name of a store. */
function fileNameOf(name: string): string {
  return name.replace(/[^A-Za-z0-9._-]+/g, '-').slice(0, 100);
}

/** Makes the store; none is opened before its first record. Undefined for `none`. */
export function storeFromChoice(choice: StoreChoice): RecordStore | undefined {
  switch (choice.kind) {
    case 'sqlite':
      return new SqliteRecordStore({ path: choice.path });
    case 'memory':
      return new MemoryRecordStore();
    case 'own':
      return choice.store;
    case 'none':
      return undefined;
  }
}

const METHODS = ['init', 'write', 'quarantine', 'prune', 'close'] as const;

function ownStore(store: RecordStore): StoreChoice {
  const missing = METHODS.filter((method) => typeof store?.[method] !== 'function');
  if (missing.length === 0) return { kind: 'own', store };
  throw new TypeError(`store must be ${EXPECTED}; what was given has no ${missing.join(', ')}`);
}
