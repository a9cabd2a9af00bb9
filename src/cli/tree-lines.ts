import type { ExecutionRow } from '../store/execution-row.ts';
import type { RunNode } from './run-tree.ts';

/** One line of a drawn tree: an execution, or a number of successful siblings left out. */
export type TreeLine =
  | { readonly prefix: string; readonly node: RunNode }
  | { readonly prefix: string; readonly omitted: number };

/** Successful siblings in a row past this many are left out but for the first and the last few. */
const LONGEST_ROW = 20;
const KEPT_FIRST = 10;
const KEPT_LAST = 5;
/** Branches drawn; what lies deeper is indented no further. */
const DEEPEST = 24;

interface Pending {
  readonly item: RunNode | number;
  readonly depth: number;
  /** Branches of the ancestors: `│ ` where more follows, `  ` where none does. */
  readonly branches: string;
  readonly isLast: boolean;
}

/** Draws trees line by line. Unless `all`, long rows of successful siblings are left out in their middle. */
export function treeLines(roots: readonly RunNode[], all: boolean): TreeLine[] {
  const lines: TreeLine[] = [];
  const pending: Pending[] = pendingOf(roots, 0, '', all);
  for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
    const { item, depth, branches, isLast } = next;
    const prefix = depth === 0 ? '' : `${branches}${isLast ? '└─' : '├─'} `;
    if (typeof item === 'number') {
      lines.push({ prefix, omitted: item });
      continue;
    }
    lines.push({ prefix, node: item });
    const deeper = depth === 0 || depth > DEEPEST ? branches : `${branches}${isLast ? '  ' : '│ '}`;
    // One by one: a run may have more children than a call may have arguments.
    for (const child of pendingOf(item.children, depth + 1, deeper, all)) pending.push(child);
  }
  return lines;
}

/** The records of trees, each after the one it belongs to. */
export function rowsInTreeOrder(roots: readonly RunNode[]): readonly ExecutionRow[] {
  return treeLines(roots, true).flatMap((line) => ('node' in line ? [line.node.row] : []));
}

/** Siblings as a stack: the first on top. */
function pendingOf(nodes: readonly RunNode[], depth: number, branches: string, all: boolean): Pending[] {
  const items = all ? nodes : withoutLongRows(nodes);
  return items
    .map((item, index) => ({ item, depth, branches, isLast: index === items.length - 1 }))
    .reverse();
}

function withoutLongRows(nodes: readonly RunNode[]): (RunNode | number)[] {
  const items: (RunNode | number)[] = [];
  let row: RunNode[] = [];
  const endRow = () => {
    if (row.length <= LONGEST_ROW) items.push(...row);
    else {
      const omitted = row.length - KEPT_FIRST - KEPT_LAST;
      items.push(...row.slice(0, KEPT_FIRST), omitted, ...row.slice(-KEPT_LAST));
    }
    row = [];
  };
  for (const node of nodes) {
    if (node.isEventful) {
      endRow();
      items.push(node);
    } else row.push(node);
  }
  endRow();
  return items;
}
