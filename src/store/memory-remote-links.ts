import { isFailed } from '../execution.ts';
import type { ExecutionRecord } from '../records/execution-record.ts';
import { type ExecutionRow, rowFromRecord } from './execution-row.ts';
import {
  MAX_REMOTE_CHILDREN,
  movedSteps,
  type RemoteChildLink,
  type RemoteColumns,
  remoteChange,
} from './remote-children.ts';

type Records = Map<string, ExecutionRecord>;

/** Links records with their parents and children in other processes. */
export class MemoryRemoteLinks {
  readonly #records: Records;
  /** Record ids of children by that of their parent. */
  readonly #children = new Map<string, Set<string>>();

  constructor(records: Records) {
    this.#records = records;
  }

  /** Looks for parents among the ids, see `linkCandidates`, and for those of the children. */
  link(candidates: readonly string[], children: readonly RemoteChildLink[]): void {
    for (const { parent_record_id, record_id } of children) {
      const known = this.#children.get(parent_record_id) ?? new Set();
      this.#children.set(parent_record_id, known.add(record_id));
    }
    if (this.#children.size === 0) return;
    const parents = new Set(children.map((child) => child.parent_record_id));
    for (const recordId of candidates) if (this.#children.has(recordId)) parents.add(recordId);
    for (const parent of parents) this.#linkParent(parent);
  }

  /** Forgets the links of a record that is removed. */
  forget({ recordId, parentRecordId }: ExecutionRecord): void {
    if (this.#children.size === 0) return;
    this.#children.delete(recordId);
    const siblings = this.#children.get(parentRecordId ?? '');
    if (siblings?.delete(recordId) && siblings.size === 0) this.#children.delete(parentRecordId ?? '');
  }

  #linkParent(parentId: string): void {
    const parent = this.#records.get(parentId);
    if (parent === undefined || parent.state !== 'ended') return;
    const children = [...(this.#children.get(parentId) ?? [])]
      .flatMap((recordId) => this.#records.get(recordId) ?? [])
      .filter(({ state }) => state === 'ended');
    const failed = children.filter(({ outcome }) => outcome !== undefined && isFailed(outcome)).length;
    const rows = children
      .map(rowFromRecord)
      .sort((a, b) => (a.record_id < b.record_id ? -1 : 1))
      .slice(0, MAX_REMOTE_CHILDREN);
    const row = rowFromRecord(parent);
    const change = remoteChange(row, rows, failed);
    if (change !== undefined) this.#records.set(parentId, withColumns(parent, change));
    this.#moveRoots(row, change ?? row);
  }

  /** What failed because of a record fails because of that record's own root, once that is known. */
  #moveRoots(parent: ExecutionRow, columns: RemoteColumns): void {
    const { failed_step, failed_record_id } = columns;
    if (failed_step === null || failed_record_id === null) return;
    const root = { name: failed_step, record_id: failed_record_id };
    for (const ancestor of [...this.#records.values()]) {
      if (ancestor.runId !== parent.run_id || ancestor.failedRecordId !== parent.record_id) continue;
      if (ancestor.recordId === failed_record_id) continue;
      const row = rowFromRecord(ancestor);
      const moved = movedSteps(row.failed_steps, parent.record_id, root);
      this.#records.set(
        ancestor.recordId,
        withColumns(ancestor, {
          ...row,
          failed_step,
          failed_record_id,
          failed_steps: moved,
          error_fingerprint: columns.error_fingerprint,
        }),
      );
    }
  }
}

function withColumns(record: ExecutionRecord, columns: RemoteColumns): ExecutionRecord {
  const {
    failedStep: _s,
    failedRecordId: _r,
    failedSteps: _l,
    failedCount: _c,
    errorFingerprint: _f,
    ...rest
  } = record;
  return {
    ...rest,
    remoteFailures: columns.remote_failures,
    ...(columns.failed_step !== null && { failedStep: columns.failed_step }),
    ...(columns.failed_record_id !== null && { failedRecordId: columns.failed_record_id }),
    ...(columns.failed_steps !== null && { failedSteps: columns.failed_steps }),
    ...(columns.failed_count !== null && { failedCount: columns.failed_count }),
    ...(columns.error_fingerprint !== null && { errorFingerprint: columns.error_fingerprint }),
  };
}
