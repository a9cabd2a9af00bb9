import type { FailureGroup } from '../store/ledger-reader.ts';
import { printable } from './printable.ts';
import { formatCount, formatTime } from './quantities.ts';
import { shortIds } from './run-ids.ts';
import { renderTable } from './table.ts';
import type { Terminal } from './terminal.ts';

/** Failures grouped by cause as a table, in the order given. */
export function renderFailures(groups: readonly FailureGroup[], terminal: Terminal): string {
  const ids = shortIds(groups.map((group) => group.last_run_id));
  return renderTable(
    [
      { title: 'COUNT', align: 'right' },
      { title: 'FIRST SEEN', minWidth: 11, isCutLast: true },
      { title: 'LAST SEEN', minWidth: 11, isCutLast: true },
      { title: 'WHERE', minWidth: 8 },
      { title: 'LAST RUN' },
      { title: 'ERROR', canGoBelow: true },
    ],
    groups.map((group) => [
      { text: formatCount(group.count) },
      { text: formatTime(group.first_seen) },
      { text: formatTime(group.last_seen) },
      { text: printable(placeOf(group)) },
      { text: printable(ids.get(group.last_run_id) ?? group.last_run_id) },
      { text: printable(errorOf(group)), look: 'bad' },
    ]),
    terminal,
  );
}

function placeOf({ pipeline, failed_step }: FailureGroup): string {
  return pipeline === null || pipeline === failed_step ? failed_step : `${pipeline} › ${failed_step}`;
}

function errorOf({ error_type, error_message }: FailureGroup): string {
  return error_message === null || error_message === '' ? error_type : `${error_type}: ${error_message}`;
}
