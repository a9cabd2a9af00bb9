import CliTable from 'cli-table3';
import { cutTo, displayWidth, type Look, type Terminal } from './terminal.ts';

/** One column of a table. */
export interface Column {
  readonly title: string;
  readonly align?: 'left' | 'right';
  /** May be cut down to this many columns where the terminal is narrow. Absent: never cut. */
  readonly minWidth?: number;
  /** Is cut only when nothing else can give way. */
  readonly isCutLast?: true;
  /** Goes below the row, on a line of its own, where it does not fit beside it. For the last column. */
  readonly canGoBelow?: true;
}

/** One cell: its text, already harmless, and its look. */
export interface Cell {
  readonly text: string;
  readonly look?: Look;
}

const GAP = 2;
const INDENT = '    ';
/** cli-table3 takes a time that grows with the square of the rows, and gives up at some 100,000 of them. */
const PAGE_ROWS = 100;

/**
 * A table without borders. On a narrow terminal its last column may go below the rows, and what can give way is cut,
 * widest first. Ends with a line break.
 */
export function renderTable(
  columns: readonly Column[],
  rows: readonly (readonly Cell[])[],
  terminal: Terminal,
): string {
  const natural = naturalWidths(columns, rows);
  const fits = totalWidth(natural) <= terminal.width;
  const beside = fits || columns.at(-1)?.canGoBelow !== true ? columns : columns.slice(0, -1);
  const widths = shrunkWidths(beside, natural, terminal.width);
  const lines = gridLines(beside, rows, widths, terminal);
  if (beside.length < columns.length) {
    return lines.flatMap((line, index) => [line, ...lineBelow(rows[index - 1]?.at(-1), terminal)]).join('');
  }
  return lines.join('');
}

/** The head and a line a row, each with its line break. */
function gridLines(
  columns: readonly Column[],
  rows: readonly (readonly Cell[])[],
  widths: readonly number[],
  terminal: Terminal,
): string[] {
  const cut = (cell: Cell, index: number) => paintedCell(cell, widths[index] ?? 0, terminal);
  const head = columns.map((column, index) => cut({ text: column.title, look: 'faint' }, index));
  const pages: string[] = [];
  for (let start = 0; start < Math.max(1, rows.length); start += PAGE_ROWS) {
    const page = new CliTable({
      head: start === 0 ? head : [],
      colWidths: [...widths],
      colAligns: columns.map((column) => column.align ?? 'left'),
      style: { head: [], border: [], 'padding-left': 0, 'padding-right': 0, compact: true },
      chars: BORDERS,
    });
    for (const row of rows.slice(start, start + PAGE_ROWS)) page.push(row.slice(0, columns.length).map(cut));
    pages.push(page.toString());
  }
  return pages
    .join('\n')
    .split('\n')
    .map((line) => `${line.trimEnd()}\n`);
}

function lineBelow(cell: Cell | undefined, terminal: Terminal): string[] {
  if (cell === undefined || cell.text === '') return [];
  return [`${INDENT}${paintedCell(cell, terminal.width - INDENT.length, terminal)}\n`];
}

function paintedCell({ text, look }: Cell, width: number, terminal: Terminal): string {
  const fitted = cutTo(text, width);
  return look === undefined ? fitted : terminal.paint(look, fitted);
}

function naturalWidths(columns: readonly Column[], rows: readonly (readonly Cell[])[]): number[] {
  return columns.map((column, index) =>
    rows.reduce(
      (widest, row) => Math.max(widest, displayWidth(row[index]?.text ?? '')),
      displayWidth(column.title),
    ),
  );
}

function totalWidth(widths: readonly number[]): number {
  return widths.reduce((sum, width) => sum + width, GAP * (widths.length - 1));
}

function shrunkWidths(columns: readonly Column[], natural: readonly number[], available: number): number[] {
  const widths = natural.slice(0, columns.length);
  for (let excess = totalWidth(widths) - available; excess > 0; excess--) {
    const widest = widestShrinkable(columns, widths, false) ?? widestShrinkable(columns, widths, true);
    if (widest === undefined) break;
    widths[widest] = (widths[widest] ?? 0) - 1;
  }
  return widths;
}

function widestShrinkable(
  columns: readonly Column[],
  widths: readonly number[],
  isLastResort: boolean,
): number | undefined {
  let widest: number | undefined;
  for (const [index, width] of widths.entries()) {
    const { minWidth, isCutLast = false } = columns[index] ?? {};
    if (minWidth === undefined || width <= minWidth || isCutLast !== isLastResort) continue;
    if (widest === undefined || width > (widths[widest] ?? 0)) widest = index;
  }
  return widest;
}

const BORDERS = {
  top: '',
  'top-mid': '',
  'top-left': '',
  'top-right': '',
  bottom: '',
  'bottom-mid': '',
  'bottom-left': '',
  'bottom-right': '',
  left: '',
  'left-mid': '',
  mid: '',
  'mid-mid': '',
  right: '',
  'right-mid': '',
  middle: ' '.repeat(GAP),
};
