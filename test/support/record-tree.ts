import type { ExecutionRecord } from '../../src/records/execution-record.ts';

/**
 * Records as an indented list, in order of start: kind, name, attempt beyond the first, how it ended or stands, whether
 * another attempt is known to follow (`…`) or not to (`.`), the error, and what it is traced to. Of several revisions of
 * one record the highest is shown, as a store has it.
 */
export function treeOf(records: readonly ExecutionRecord[]): readonly string[] {
  const newest = new Map<string, ExecutionRecord>();
  for (const record of records) {
    const known = newest.get(record.recordId);
    if (known === undefined || known.rev <= record.rev) newest.set(record.recordId, record);
  }
  const inOrder = [...newest.values()].sort((a, b) => a.startedAt - b.startedAt || a.seq - b.seq);
  const lines: string[] = [];
  const add = (parent: string | undefined, indent: string) => {
    for (const record of inOrder) {
      const isBelow =
        parent === undefined
          ? record.parentRecordId === undefined || !newest.has(record.parentRecordId)
          : record.parentRecordId === parent;
      if (!isBelow) continue;
      lines.push(indent + lineOf(record));
      add(record.recordId, `${indent}  `);
    }
  };
  add(undefined, '');
  return lines;
}

function lineOf(record: ExecutionRecord): string {
  const { kind, name, attempt, outcome, state, final, error, failedStep } = record;
  const number = attempt === 1 ? '' : ` #${attempt}`;
  const follows = final === undefined ? '' : final ? '.' : '…';
  const cause = failedStep === undefined ? '' : ` <- ${failedStep}`;
  return `${kind} ${name}${number} ${outcome ?? state}${follows}${error === undefined ? '' : ` ${error}`}${cause}`;
}
