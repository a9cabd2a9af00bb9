import type { ExecutionRow } from '../store/execution-row.ts';
import { renderFailure } from './error-view.ts';
import { durationText, outcomeLook, outcomeText, parsedJson, reasonText } from './outcome-text.ts';
import { printable } from './printable.ts';
import { formatDuration, formatTime } from './quantities.ts';
import { failureRoles, treeFromRows } from './run-tree.ts';
import type { Terminal } from './terminal.ts';
import { renderTree } from './tree-view.ts';

/** How to show a run. */
export interface RunViewOptions {
  /** Also show every one of many successful siblings, and whole stacks. */
  readonly all: boolean;
  /** The present, to date what is still under way. */
  readonly now: number;
}

/** Most lines of one section; past that it says how many are left out. */
const LONGEST_SECTION = 20;

/** All the ledger knows of one run: facts, tree, failures, skips and rejections, moments. */
export function renderRun(
  rows: readonly ExecutionRow[],
  terminal: Terminal,
  options: RunViewOptions,
): string {
  const roots = treeFromRows(rows);
  const first = roots[0]?.row;
  if (first === undefined) return '';
  const roles = failureRoles(roots);
  const causes = rows.filter((row) => roles.causes.has(row.record_id));
  const recovered = rows.filter((row) => roles.recovered.has(row.record_id));
  const ended = rows.filter((row) => row.skip_reason !== null || row.rejection_reason !== null);
  const line = (row: ExecutionRow, text: string) =>
    `${printable(row.name)}${row.attempt > 1 ? ` #${row.attempt}` : ''}: ${text}`;
  return [
    renderFacts(first, terminal, options.now),
    renderTree(roots, terminal, { roles, ...options }),
    ...causes.slice(0, LONGEST_SECTION).map((row) => renderFailure(row, rows, terminal, options.all)),
    section(
      'Recovered failures',
      recovered.map((row) => line(row, printable(row.error ?? row.error_type ?? ''))),
      terminal,
    ),
    section(
      'Skipped and rejected',
      ended.map((row) => line(row, reasonText(row))),
      terminal,
    ),
    section(
      'Moments',
      rows.flatMap((row) => momentsOf(row).map((text) => line(row, text))),
      terminal,
    ),
  ]
    .filter((part) => part !== '')
    .join('\n');
}

function renderFacts(row: ExecutionRow, terminal: Terminal, now: number): string {
  const outcome = terminal.paint(outcomeLook(row), outcomeText(row));
  const version = row.version === null ? '' : ` ${printable(row.version)}`;
  const time = row.duration_ms === null ? 'for' : 'in';
  const title = `${terminal.paint('strong', printable(row.name) + version)}  ${outcome} ${time} ${durationText(row, now)}`;
  const facts: [string, string | null][] = [
    ['run', row.run_id],
    [
      'started',
      `${formatTime(row.started_at)}${row.ended_at === null ? '' : `, ended ${formatTime(row.ended_at)}`}`,
    ],
    ['waited', row.wait_ms === null ? null : `${formatDuration(row.wait_ms)} to be started`],
    ['suspended', row.suspended_ms === null ? null : formatDuration(row.suspended_ms)],
    ['attempt', attemptText(row)],
    ['correlation', row.correlation_id],
    ['tenant', row.tenant],
    ['source', listText(row.source)],
    ['target', listText(row.target)],
    ['trace', row.trace_id],
    [
      'by',
      `${row.service_name}${row.service_version === null ? '' : ` ${row.service_version}`}, pid ${row.pid} on ${row.host}`,
    ],
  ];
  const lines = facts.flatMap(([name, text]) =>
    text === null ? [] : [`${terminal.paint('faint', name.padEnd(11))}  ${printable(text)}`],
  );
  return `${[title, ...lines].join('\n')}\n`;
}

function attemptText({ attempt, final }: ExecutionRow): string | null {
  if (attempt === 1 && final === null) return null;
  return final === null ? String(attempt) : `${attempt}, ${final === 1 ? 'the last' : 'another follows'}`;
}

function listText(json: string | null): string | null {
  const value = parsedJson(json);
  return Array.isArray(value) ? value.map(String).join(', ') : json;
}

function momentsOf(row: ExecutionRow): string[] {
  const moments = parsedJson(row.timeline);
  if (!Array.isArray(moments)) return [];
  const lines = moments.map((moment: { at?: unknown; kind?: unknown; ref?: unknown } | null) => {
    const after = formatDuration(Number(moment?.at) - row.started_at);
    const ref = moment?.ref === undefined ? '' : ` ${String(moment.ref)}`;
    return printable(`${String(moment?.kind)}${ref} after ${after}`);
  });
  const more = (row.timeline_total ?? lines.length) - lines.length;
  return more > 0 ? [...lines, `${more} more in between, not kept`] : lines;
}

function section(title: string, lines: readonly string[], terminal: Terminal): string {
  if (lines.length === 0) return '';
  const more = lines.length - LONGEST_SECTION;
  const shown =
    more > 0 ? [...lines.slice(0, LONGEST_SECTION), `… ${more} more (--json has them all)`] : lines;
  return `${terminal.paint('strong', title)}\n${shown.map((line) => `  ${line}\n`).join('')}`;
}
