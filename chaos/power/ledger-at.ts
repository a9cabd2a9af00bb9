import { type ExecutionRecord, MemoryRecordStore, type RecordStore } from 'runledger';
import type { LedgerReport } from 'runledger/sql';
import { NOTES, STORE_NAME } from './names.ts';
import type { DiskCall } from './trace.ts';

/** What the store of a traced writer was given, a line of its notes. */
export type StoreNote =
  | { readonly records: readonly ExecutionRecord[]; readonly report?: LedgerReport | undefined }
  | { readonly interrupted: readonly string[]; readonly silentBefore: number };

/** A store that takes over what another had: it is a store of one's own to the ledger, with a spool. */
export interface RestoredStore extends RecordStore {
  readonly kept: MemoryRecordStore;
}

/** All notes of a trace, each with the call that wrote it. */
export class StoreNotes {
  readonly #notes: { readonly index: number; readonly note: StoreNote }[] = [];

  constructor(calls: readonly DiskCall[]) {
    let rest = '';
    for (const [index, call] of calls.entries()) {
      if (call.kind !== 'write' || !call.path.endsWith(`/${NOTES}`)) continue;
      const lines = (rest + call.data.toString()).split('\n');
      rest = lines.pop() ?? '';
      for (const line of lines) this.#notes.push({ index, note: JSON.parse(line) as StoreNote });
    }
  }

  /** Those that were written before a call. */
  *before(cut: number): Generator<StoreNote> {
    for (const { index, note } of this.#notes) if (index < cut) yield note;
  }
}

/** Gives a store what another was given, in the same order. */
export async function restore(store: RecordStore, notes: Iterable<StoreNote>): Promise<void> {
  for (const note of notes) {
    if ('records' in note) await store.write(note.records, note.report);
    else await store.interrupt?.(note.interrupted, note.silentBefore);
  }
}

/** A store with what was noted; the ledger keeps a spool for it, as for any that outlives the process. */
export async function restoredStore(notes: Iterable<StoreNote>): Promise<RestoredStore> {
  const kept = new MemoryRecordStore({ maxRecords: 1_000_000 });
  await restore(kept, notes);
  return {
    name: STORE_NAME,
    kept,
    init: () => kept.init(),
    write: (records, report) => kept.write(records, report),
    interrupt: (instanceIds, silentBefore) => kept.interrupt(instanceIds, silentBefore),
    quarantine: (records) => kept.quarantine(records),
    prune: (policy) => kept.prune(policy),
    close: () => kept.close(),
  };
}
