import type { DiskCall } from './trace.ts';

/** Where the record of an execution that ended was written. */
export interface WrittenRecord {
  readonly recordId: string;
  readonly correlationId: string;
  readonly path: string;
  readonly from: number;
  readonly to: number;
  /** The call that wrote it. */
  readonly index: number;
}

/** The two bytes that every frame begins with. The first is in no text. */
const MAGIC = Buffer.from([0xfe, 0x4c]);
/** What comes before the text of a frame may be any bytes. */
const BEFORE_TEXT = 18;
/** Files of records. Those of starts have others. */
const RECORDS = /\/[FS]-\d+\.seg$/;
const RECORD_ID = /"recordId":"([0-9a-f]+)"/;
const CORRELATION_ID = /"correlationId":"([^"]+)"/;
const RUNNING = '"state":"running"';

/**
 * The records that were written to files of the spool, found without the package that is put to the test: by the bytes a
 * frame begins with and by the ids in its text.
 */
export function writtenRecords(calls: readonly DiskCall[]): readonly WrittenRecord[] {
  const records: WrittenRecord[] = [];
  const lengths = new Map<string, number>();
  for (const [index, call] of calls.entries()) {
    if (call.kind === 'cut') lengths.set(call.path, call.length);
    if (call.kind !== 'write') continue;
    const start = lengths.get(call.path) ?? 0;
    lengths.set(call.path, start + call.data.length);
    if (!RECORDS.test(call.path)) continue;
    for (let at = 0; at < call.data.length; ) {
      const next = call.data.indexOf(MAGIC, at + BEFORE_TEXT);
      const end = next === -1 ? call.data.length : next;
      const text = call.data.toString('latin1', at, end);
      const [, recordId] = RECORD_ID.exec(text) ?? [];
      const [, correlationId = ''] = CORRELATION_ID.exec(text) ?? [];
      if (recordId !== undefined && !text.includes(RUNNING)) {
        const place = { path: call.path, from: start + at, to: start + end, index };
        records.push({ recordId, correlationId, ...place });
      }
      at = end;
    }
  }
  return records;
}
