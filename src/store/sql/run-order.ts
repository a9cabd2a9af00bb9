import type { ExecutionRow } from '../execution-row.ts';

/**
 * Rows of one run in order of start. Spans start at whole milliseconds, so a parent often starts when its children
 * do: those of one time are ordered by depth, parents first, and on one level by `seq`, the order of their ends.
 */
export function inOrderOfStart(rows: readonly ExecutionRow[]): readonly ExecutionRow[] {
  const depths = depthsOf(rows);
  const depthOf = (row: ExecutionRow) => depths.get(row.record_id) ?? 0;
  return rows.toSorted((a, b) => a.started_at - b.started_at || depthOf(a) - depthOf(b) || a.seq - b.seq);
}

/** How many of its ancestors each row finds among the rows. Parent ids are data: a circle of them ends where it began. */
function depthsOf(rows: readonly ExecutionRow[]): ReadonlyMap<string, number> {
  const parents = new Map(rows.map((row) => [row.record_id, row.parent_record_id]));
  const depths = new Map<string, number>();
  for (const { record_id } of rows) {
    const path: string[] = [];
    const onPath = new Set<string>();
    let up: string | null | undefined = record_id;
    while (typeof up === 'string' && parents.has(up) && !depths.has(up) && !onPath.has(up)) {
      path.push(up);
      onPath.add(up);
      up = parents.get(up);
    }
    let depth = typeof up === 'string' ? (depths.get(up) ?? -1) : -1;
    for (const id of path.reverse()) depths.set(id, ++depth);
  }
  return depths;
}
