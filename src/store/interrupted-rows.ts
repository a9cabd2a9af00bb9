import { boundedJson } from '../records/bounded-json.ts';
import { TEXT_BOUNDS } from '../records/bounded-text.ts';
import { MAX_LISTED } from '../records/failure-ledger.ts';
import { interruptedError } from '../records/interrupted.ts';
import type { ExecutionRow } from './execution-row.ts';
import type { RemoteChildLink } from './remote-children.ts';

/** Columns of a running row that its interruption needs. */
export const RUNNING_COLUMNS = [
  'record_id',
  'parent_record_id',
  'run_id',
  'name',
  'started_at',
  'host',
  'pid',
  'flags',
] as const satisfies readonly (keyof ExecutionRow)[];

/** A row that still says `running`, and when the process that wrote it was last known to live. */
export type RunningRow = Pick<ExecutionRow, (typeof RUNNING_COLUMNS)[number]> & {
  readonly heartbeat_at: number | null;
};

/** What becomes of a row whose process is dead. */
export type InterruptedColumns = Pick<
  ExecutionRow,
  | 'state'
  | 'outcome'
  | 'ended_at'
  | 'duration_ms'
  | 'error'
  | 'error_type'
  | 'error_message'
  | 'error_fingerprint'
  | 'failed_step'
  | 'failed_record_id'
  | 'failed_steps'
  | 'failed_count'
>;

/** A row that is interrupted, and the link with its parent where another process writes that one. */
export interface Interruption {
  readonly recordId: string;
  readonly columns: InterruptedColumns;
  readonly link: RemoteChildLink | undefined;
}

interface Node {
  readonly row: RunningRow;
  /** What ran below it, the first to start in front. */
  readonly children: Node[];
  /** Children whose own root is not known yet. */
  pending: number;
  root: Node;
}

/** Ends rows of dead processes where they were last known to live. What ran inside of another is that one's failed step. */
export function interruptionsOf(rows: readonly RunningRow[]): readonly Interruption[] {
  return nodesFrom(rows).map(({ row, children }) => ({
    recordId: row.record_id,
    columns: columnsOf(row, children),
    link: linkOf(row),
  }));
}

/** The rows as trees, with the root of each known: the first leaf. Parent ids are data, and may go in circles. */
function nodesFrom(rows: readonly RunningRow[]): readonly Node[] {
  const nodes = rows
    .toSorted((a, b) => (a.record_id < b.record_id ? -1 : 1))
    .map((row): Node => {
      const node: Omit<Node, 'root'> & { root?: Node } = { row, children: [], pending: 0 };
      return Object.assign(node, { root: node as Node });
    });
  const byId = new Map(nodes.map((node) => [node.row.record_id, node]));
  const parentOf = ({ row }: Node): Node | undefined => byId.get(row.parent_record_id ?? '');
  for (const node of nodes) {
    const parent = parentOf(node);
    if (parent === undefined || parent === node) continue;
    parent.children.push(node);
    parent.pending++;
  }
  const settled = nodes.filter(({ pending }) => pending === 0);
  for (let node = settled.pop(); node !== undefined; node = settled.pop()) {
    node.root = node.children[0]?.root ?? node;
    const parent = parentOf(node);
    if (parent !== undefined && --parent.pending === 0) settled.push(parent);
  }
  return nodes;
}

function columnsOf(row: RunningRow, children: readonly Node[]): InterruptedColumns {
  const endedAt = Math.max(row.started_at, row.heartbeat_at ?? row.started_at);
  const { error, errorType, errorMessage, errorFingerprint } = interruptedError(row.host, row.pid);
  const root = children[0]?.root.row;
  const listed = children.slice(0, MAX_LISTED).map(
    ({
      root: {
        row: { name, record_id },
      },
    }) => ({ name, record_id }),
  );
  return {
    state: 'ended',
    outcome: 'error',
    ended_at: endedAt,
    duration_ms: endedAt - row.started_at,
    error,
    error_type: errorType,
    error_message: errorMessage,
    error_fingerprint: errorFingerprint,
    failed_step: root?.name ?? null,
    failed_record_id: root?.record_id ?? null,
    failed_steps: root === undefined ? null : boundedJson(listed, { maxBytes: TEXT_BOUNDS.list }).json,
    failed_count: root === undefined ? null : children.length,
  };
}

function linkOf({ record_id, parent_record_id, run_id, flags }: RunningRow): RemoteChildLink | undefined {
  const isRemote = flags?.split(',').includes('remote_parent') === true;
  return isRemote && parent_record_id !== null ? { record_id, parent_record_id, run_id } : undefined;
}
