import type { ExecutionRow } from '../store/execution-row.ts';
import { durationText, isFailedRow, outcomeLook, outcomeText } from './outcome-text.ts';
import { printable } from './printable.ts';
import { formatCount } from './quantities.ts';
import type { FailureRoles, RunNode } from './run-tree.ts';
import { cutTo, displayWidth, pad, type Terminal } from './terminal.ts';
import { type TimeSpan, timeBar } from './time-bar.ts';
import { treeLines } from './tree-lines.ts';

/** How to draw the tree of a run. */
export interface TreeViewOptions {
  readonly roles: FailureRoles;
  /** Also draw every one of many successful siblings. */
  readonly all: boolean;
  /** The present, to date what is still under way. */
  readonly now: number;
}

interface Line {
  readonly label: string;
  readonly duration: string;
  readonly row?: ExecutionRow;
  readonly note: string;
}

const WIDEST_BAR = 32;
const NARROWEST_BAR = 8;
const NARROWEST_LABEL = 16;
const NARROWEST_NOTE = 13;

/** The tree of a run: a line an execution, with its time, its outcome, and where in the run it lay. */
export function renderTree(roots: readonly RunNode[], terminal: Terminal, options: TreeViewOptions): string {
  const lines = treeLines(roots, options.all).map((line): Line => {
    if ('omitted' in line) {
      const label = `${line.prefix}… ${formatCount(line.omitted)} more, all successful (--all lists them)`;
      return { label, duration: '', note: '' };
    }
    const { row } = line.node;
    const kind = row.kind === 'step' ? '' : ` (${row.kind})`;
    const attempt = row.attempt > 1 ? ` #${row.attempt}` : '';
    return {
      label: line.prefix + printable(`${row.name}${attempt}${kind}`),
      duration: durationText(row, options.now),
      row,
      note: notesOf(line.node, options.roles).join(', '),
    };
  });
  const drawn = lines.filter((line) => line.row !== undefined);
  const widest = (text: (line: Line) => string) =>
    drawn.reduce((width, line) => Math.max(width, displayWidth(text(line))), 0);
  const columns = {
    duration: widest((line) => line.duration),
    outcome: widest((line) => (line.row === undefined ? '' : outcomeText(line.row))),
    note: widest((line) => line.note),
    ...sharedWidths(widest, terminal.width),
  };
  const whole = wholeSpan(roots, options.now);
  return lines.map((line) => `${drawLine(line, columns, whole, terminal, options.now)}\n`).join('');
}

/** What label and bar get of the width the other columns leave. The bar goes before the label is cut. */
function sharedWidths(
  widest: (text: (line: Line) => string) => number,
  available: number,
): { label: number; bar: number } {
  const label = widest((line) => line.label);
  const others =
    widest((line) => line.duration) +
    widest((line) => (line.row === undefined ? '' : outcomeText(line.row))) +
    widest((line) => line.note) +
    6;
  const left = available - others - label - 2;
  if (left >= NARROWEST_BAR) return { label, bar: Math.min(WIDEST_BAR, left) };
  return { label: Math.max(NARROWEST_LABEL, Math.min(label, available - others)), bar: 0 };
}

function drawLine(
  { label, duration, row, note }: Line,
  columns: { label: number; duration: number; outcome: number; bar: number },
  whole: TimeSpan,
  terminal: Terminal,
  now: number,
): string {
  if (row === undefined) return terminal.paint('faint', label);
  const look = outcomeLook(row);
  const parts = [
    pad(label, columns.label),
    pad(duration, columns.duration, 'right'),
    terminal.paint(look, pad(outcomeText(row), columns.outcome)),
  ];
  if (columns.bar > 0) {
    const bar = timeBar(row.started_at, row.ended_at ?? now, whole, columns.bar);
    parts.push(isFailedRow(row) ? terminal.paint('bad', bar) : bar);
  }
  const taken =
    columns.label + columns.duration + columns.outcome + (columns.bar > 0 ? columns.bar + 2 : 0) + 6;
  const shown = cutTo(note, Math.max(NARROWEST_NOTE, terminal.width - taken));
  if (note !== '') parts.push(terminal.paint(isFailedRow(row) ? 'bad' : 'faint', shown));
  return parts.join('  ').trimEnd();
}

function notesOf({ row, isOrphan }: RunNode, roles: FailureRoles): string[] {
  const notes: string[] = [];
  if (roles.causes.has(row.record_id)) notes.push('◀ failed here');
  if (roles.recovered.has(row.record_id)) notes.push('recovered');
  if (row.rows_in !== null) notes.push(`${formatCount(row.rows_in)} rows in`);
  if (row.rows_out !== null) notes.push(`${formatCount(row.rows_out)} rows out`);
  if (row.work_units !== null) notes.push(`${formatCount(row.work_units)} units`);
  if (row.cost_usd_micros !== null) notes.push(costText(row.cost_usd_micros));
  const tokens = (row.tokens_in ?? 0) + (row.tokens_out ?? 0);
  if (tokens > 0) notes.push(`${formatCount(tokens)} tokens`);
  if (row.flags !== null)
    notes.push(...row.flags.split(',').map((flag) => printable(flag).replace('_', ' ')));
  if (isOrphan) notes.push('parent not recorded here');
  return notes;
}

function costText(micros: number): string {
  return `$${(micros / 1e6).toFixed(micros < 10_000 ? 6 : 2)}`;
}

function wholeSpan(roots: readonly RunNode[], now: number): TimeSpan {
  return roots.reduce(
    ({ start, end }, { row }) => ({
      start: Math.min(start, row.started_at),
      end: Math.max(end, row.ended_at ?? now),
    }),
    { start: Number.POSITIVE_INFINITY, end: Number.NEGATIVE_INFINITY },
  );
}
