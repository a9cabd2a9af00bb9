import type { ExecutionRow } from '../store/execution-row.ts';
import { isFailedRow, parsedJson } from './outcome-text.ts';

/** An execution with those below it, in order of start. */
export interface RunNode {
  readonly row: ExecutionRow;
  readonly children: readonly RunNode[];
  /** Whether it, or anything below it, is worth a line of its own whatever the length of the tree. */
  readonly isEventful: boolean;
  /** It names a parent whose record is not here: sampled out, in another process, or lost. */
  readonly isOrphan: boolean;
}

interface GrowingNode extends RunNode {
  children: GrowingNode[];
  isEventful: boolean;
  isOrphan: boolean;
}

/** The trees that records of one run form. Every row is in them exactly once, whatever its parent ids say. */
export function treeFromRows(rows: readonly ExecutionRow[]): readonly RunNode[] {
  const nodes = new Map<string, GrowingNode>();
  for (const row of rows.toSorted(byStart)) {
    nodes.set(row.record_id, { row, children: [], isEventful: false, isOrphan: false });
  }
  const parentOf = (node: GrowingNode) => nodes.get(node.row.parent_record_id ?? '');
  const roots: GrowingNode[] = [];
  for (const node of nodes.values()) {
    const parent = parentOf(node);
    node.isOrphan = parent === undefined && node.row.parent_record_id !== null;
    (parent?.children ?? roots).push(node);
  }
  for (const node of cutCircles(roots, nodes.values())) roots.push(node);
  for (const node of nodes.values()) {
    if (isUneventful(node.row)) continue;
    for (let up: GrowingNode | undefined = node; up !== undefined && !up.isEventful; up = parentOf(up)) {
      up.isEventful = true;
    }
  }
  return roots;
}

/**
 * Spans start at whole milliseconds, so siblings often share theirs. Of those that followed each other, the one that
 * ended first started first, and records are numbered as they end.
 */
function byStart(a: ExecutionRow, b: ExecutionRow): number {
  return a.started_at - b.started_at || a.seq - b.seq;
}

/** Parent ids are data, and data can run in a circle: what no root leads to stands alone. */
function cutCircles(roots: readonly GrowingNode[], nodes: Iterable<GrowingNode>): GrowingNode[] {
  const reached = new Set(roots);
  for (const node of reached) {
    for (const child of node.children) reached.add(child);
  }
  const alone = [...nodes].filter((node) => !reached.has(node));
  for (const node of alone) {
    node.children = [];
    node.isOrphan = true;
  }
  return alone;
}

/**
 * What the failures of a run come from: `causes` are the executions that failed first, `recovered` those whose
 * failure their parent survived.
 */
export interface FailureRoles {
  readonly causes: ReadonlySet<string>;
  readonly recovered: ReadonlySet<string>;
}

/** Sorts the failures of a run into those that made it fail and those that did not. */
export function failureRoles(roots: readonly RunNode[]): FailureRoles {
  const causes = new Set<string>();
  const recovered = new Set<string>();
  const pending: { node: RunNode; parent?: RunNode }[] = roots.map((node) => ({ node }));
  for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
    const { node, parent } = next;
    for (const child of node.children) pending.push({ node: child, parent: node });
    if (!isFailedRow(node.row)) continue;
    // It failed by itself, so it is the cause for those above it, as far as any took its failure over.
    if (node.row.failed_record_id === null) causes.add(node.row.record_id);
    if (parent !== undefined && !isTakenOver(node.row, parent.row)) recovered.add(node.row.record_id);
  }
  for (const id of recovered) causes.delete(id);
  return { causes, recovered };
}

/** Whether the parent's failure is the child's, by the record ids the parent's row lists. */
function isTakenOver(child: ExecutionRow, parent: ExecutionRow): boolean {
  if (!isFailedRow(parent)) return false;
  const origin = child.failed_record_id ?? child.record_id;
  return parent.failed_record_id === origin || failedStepIds(parent).has(origin);
}

function failedStepIds(row: ExecutionRow): ReadonlySet<string> {
  const steps = parsedJson(row.failed_steps);
  if (!Array.isArray(steps)) return new Set();
  return new Set(steps.map((step: { record_id?: unknown } | null) => String(step?.record_id)));
}

function isUneventful(row: ExecutionRow): boolean {
  return row.outcome === 'success' && row.flags === null && row.recovered_failures === 0;
}
