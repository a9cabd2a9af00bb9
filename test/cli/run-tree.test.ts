import { describe, expect, it } from '@jest/globals';
import { treeFromRows } from '../../src/cli/run-tree.ts';
import { rowsInTreeOrder, treeLines } from '../../src/cli/tree-lines.ts';
import type { ExecutionRow } from '../../src/store/execution-row.ts';

/** The columns a tree is made of. The others do not matter to it. */
function row(id: number, parent: number | null): ExecutionRow {
  return {
    ...{ record_id: String(id), parent_record_id: parent === null ? null : String(parent) },
    ...{ seq: id, started_at: id, outcome: 'success', flags: null, recovered_failures: 0 },
  } as ExecutionRow;
}

describe('the tree of a run', () => {
  it('holds more steps than a function call may have arguments', () => {
    const rows = [row(0, null), ...Array.from({ length: 200_000 }, (_, index) => row(index + 1, 0))];

    const roots = treeFromRows(rows);

    expect(roots).toHaveLength(1);
    expect(rowsInTreeOrder(roots)).toHaveLength(200_001);
    expect(treeLines(roots, false)).toHaveLength(1 + 10 + 1 + 5);
  });

  it('holds executions nested deeper than the stack, and stops indenting them', () => {
    const rows = Array.from({ length: 20_000 }, (_, index) => row(index, index === 0 ? null : index - 1));

    const lines = treeLines(treeFromRows(rows), true);

    expect(lines).toHaveLength(20_000);
    expect(Math.max(...lines.map((line) => line.prefix.length))).toBeLessThan(60);
  });

  it('holds a great circle', () => {
    const rows = Array.from({ length: 150_000 }, (_, index) => row(index, (index + 1) % 150_000));

    const roots = treeFromRows(rows);

    expect(roots).toHaveLength(150_000);
    expect(roots.every((root) => root.isOrphan)).toBe(true);
  });
});
