import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ExecutionRecord } from '../../src/records/execution-record.ts';
import { SqliteRecordStore } from '../../src/store/sql/sqlite-record-store.ts';

/** A ledger file of its own, written by the real store. */
export interface LedgerFile {
  readonly directory: string;
  readonly path: string;
  write(records: readonly ExecutionRecord[]): Promise<void>;
  remove(): Promise<void>;
}

export async function createLedgerFile(records: readonly ExecutionRecord[] = []): Promise<LedgerFile> {
  const directory = await mkdtemp(join(tmpdir(), 'runledger-test-'));
  const path = join(directory, 'ledger.db');
  const write = async (more: readonly ExecutionRecord[]) => {
    const store = new SqliteRecordStore({ path });
    await store.init();
    await store.write(more);
    await store.close();
  };
  await write(records);
  return { directory, path, write, remove: () => rm(directory, { recursive: true, force: true }) };
}
