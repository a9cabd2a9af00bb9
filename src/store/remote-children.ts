import { isFailed, type Outcome } from '../execution.ts';
import type { ExecutionRecord } from '../records/execution-record.ts';
import {
  type RemoteCause,
  type RemoteChild,
  type RemoteParent,
  remoteVerdict,
} from '../records/remote-failures.ts';
import { ERROR_TYPE_OTHER } from '../semconv.ts';
import type { ExecutionRow } from './execution-row.ts';

/** Children of one parent that are looked at; all are counted. */
export const MAX_REMOTE_CHILDREN = 1_000;

/** An execution whose parent another process writes, by the columns of its link. */
export interface RemoteChildLink {
  readonly parent_record_id: string;
  readonly record_id: string;
  readonly run_id: string;
}

/** The records whose end matters to a parent in another process: what failed, and what was tried again. */
export function remoteChildrenOf(records: readonly ExecutionRecord[]): readonly RemoteChildLink[] {
  const links: RemoteChildLink[] = [];
  for (const { recordId, parentRecordId, runId, state, outcome, attempt, flags } of records) {
    if (flags === undefined || parentRecordId === undefined || !flags.includes('remote_parent')) continue;
    if (state !== 'ended' || outcome === undefined) continue;
    if (!isFailed(outcome) && attempt < 2) continue;
    links.push({ parent_record_id: parentRecordId, record_id: recordId, run_id: runId });
  }
  return links;
}

/**
 * Ids of records that may be parents of executions in other processes and have to be looked at: what was written, and
 * what the written ones name as their root, which may have found its own root further down before they came.
 */
export function linkCandidates(
  recordIds: readonly (string | null | undefined)[],
  failedRecordIds: readonly (string | null | undefined)[],
): readonly string[] {
  return [...new Set([...recordIds, ...failedRecordIds])].filter((id) => typeof id === 'string');
}

/** Columns of a parent that the decision needs. */
export const REMOTE_PARENT_COLUMNS = [
  'record_id',
  'run_id',
  'state',
  'outcome',
  'error_type',
  'error_code',
  'error_message',
  'error_stack',
  'error_chain',
  'error_fingerprint',
  'failed_step',
  'failed_record_id',
  'failed_steps',
  'failed_count',
  'remote_failures',
] as const satisfies readonly (keyof ExecutionRow)[];

/** Columns of a child that the decision needs. */
export const REMOTE_CHILD_COLUMNS = [
  'record_id',
  'kind',
  'name',
  'attempt',
  'outcome',
  'started_at',
  'ended_at',
  'error_type',
  'error_message',
  'error_fingerprint',
  'failed_step',
  'failed_record_id',
] as const satisfies readonly (keyof ExecutionRow)[];

export type RemoteParentRow = Pick<ExecutionRow, (typeof REMOTE_PARENT_COLUMNS)[number]>;
export type RemoteChildRow = Pick<ExecutionRow, (typeof REMOTE_CHILD_COLUMNS)[number]>;

/** The columns of a parent's row that its children in other processes decide. */
export type RemoteColumns = Pick<
  ExecutionRow,
  | 'remote_failures'
  | 'failed_step'
  | 'failed_record_id'
  | 'failed_steps'
  | 'failed_count'
  | 'error_fingerprint'
>;

/**
 * What is to be changed in a parent's row; undefined where it is as it should be. `children` are its ended children in other
 * processes, the first to start; `failedCount` counts those that failed.
 */
export function remoteChange(
  parent: RemoteParentRow,
  children: readonly RemoteChildRow[],
  failedCount: number,
): RemoteColumns | undefined {
  if (parent.state !== 'ended') return undefined;
  const { remoteFailures, cause } = remoteVerdict(
    parentFromRow(parent),
    children.map(childFromRow),
    failedCount,
  );
  const columns = {
    remote_failures: remoteFailures,
    ...(cause === undefined ? causeOf(parent) : columnsOf(cause)),
  };
  const isChanged = (Object.keys(columns) as (keyof RemoteColumns)[]).some(
    (name) => columns[name] !== parent[name],
  );
  return isChanged ? columns : undefined;
}

/**
 * The list of failed steps in which one root is another: its own failure started further down. The same text where it
 * can not be read.
 */
export function movedSteps(
  json: string | null,
  from: string,
  to: { readonly name: string; readonly record_id: string },
): string | null {
  if (json === null) return null;
  try {
    const steps: unknown = JSON.parse(json);
    if (!Array.isArray(steps)) return json;
    return JSON.stringify(steps.map((step) => (isStep(step) && step.record_id === from ? to : step)));
  } catch {
    return json;
  }
}

function isStep(value: unknown): value is { readonly record_id: unknown } {
  return typeof value === 'object' && value !== null && 'record_id' in value;
}

function causeOf(parent: RemoteParentRow): Omit<RemoteColumns, 'remote_failures'> {
  const { failed_step, failed_record_id, failed_steps, failed_count, error_fingerprint } = parent;
  return { failed_step, failed_record_id, failed_steps, failed_count, error_fingerprint };
}

function columnsOf(cause: RemoteCause): Omit<RemoteColumns, 'remote_failures'> {
  return {
    failed_step: cause.failedStep ?? null,
    failed_record_id: cause.failedRecordId ?? null,
    failed_steps: cause.failedSteps ?? null,
    failed_count: cause.failedCount ?? null,
    error_fingerprint: cause.errorFingerprint ?? null,
  };
}

function parentFromRow(row: RemoteParentRow): RemoteParent {
  return {
    recordId: row.record_id,
    outcome: outcomeOf(row.outcome),
    error: {
      ...errorOf(row),
      ...(row.error_code !== null && { code: row.error_code }),
      ...(row.error_stack !== null && { stack: row.error_stack }),
    },
    errorChain: row.error_chain ?? undefined,
    failedRecordId: row.failed_record_id ?? undefined,
  };
}

function childFromRow(row: RemoteChildRow): RemoteChild {
  const { failed_step, failed_record_id } = row;
  return {
    recordId: row.record_id,
    // Columns are text to SQL; what is in them was written from a record.
    kind: row.kind as RemoteChild['kind'],
    name: row.name,
    attempt: row.attempt,
    outcome: outcomeOf(row.outcome),
    endedAt: row.ended_at ?? row.started_at,
    error: errorOf(row),
    errorFingerprint: row.error_fingerprint ?? undefined,
    root:
      failed_step === null || failed_record_id === null
        ? undefined
        : { name: failed_step, recordId: failed_record_id },
  };
}

function outcomeOf(outcome: string | null): Outcome {
  return (outcome ?? 'success') as Outcome;
}

function errorOf({
  error_type,
  error_message,
}: Pick<ExecutionRow, 'error_type' | 'error_message'>): RemoteChild['error'] {
  const type = error_type ?? ERROR_TYPE_OTHER;
  return error_message === null ? { type } : { type, message: error_message };
}
