import type { ExecutionRow } from '../store/execution-row.ts';
import { durationText, outcomeLook, outcomeText, reasonText } from './outcome-text.ts';
import { printable } from './printable.ts';
import { formatTime } from './quantities.ts';
import { shortIds } from './run-ids.ts';
import { renderTable } from './table.ts';
import type { Terminal } from './terminal.ts';

/** Runs as a table, in the order given. `now` dates those still under way. */
export function renderRuns(rows: readonly ExecutionRow[], terminal: Terminal, now: number): string {
  const ids = shortIds(rows.map((row) => row.run_id));
  return renderTable(
    [
      { title: 'STARTED', minWidth: 11, isCutLast: true },
      { title: 'PIPELINE', minWidth: 8 },
      { title: 'RUN' },
      { title: 'OUTCOME', minWidth: 7 },
      { title: 'DURATION', align: 'right' },
      { title: 'ATTEMPT', align: 'right', minWidth: 1 },
      { title: 'FAILING STEP / REASON', canGoBelow: true },
    ],
    rows.map((row) => [
      { text: formatTime(row.started_at) },
      { text: printable(row.name) },
      { text: printable(ids.get(row.run_id) ?? row.run_id) },
      { text: outcomeText(row), look: outcomeLook(row) },
      { text: durationText(row, now) },
      { text: String(row.attempt) },
      { text: reasonText(row) },
    ]),
    terminal,
  );
}
