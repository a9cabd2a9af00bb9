import CliTable from 'cli-table3';
import { cutTo, displayWidth, type Look, type Terminal } from './terminal.ts';

/** One column of a table. */
export interface Column {
  readonly title: string;
  readonly align?: 'left' | 'right';
  /** May be cut down to this many columns where the terminal is narrow. Absent: never cut. */
  readonly minWidth?: number;
}

/** One cell: its text, already harmless, and its look. */
export interface Cell {
  readonly text: string;
  readonly look?: Look;
}

const GAP = 2;
/** cli-table3 takes a time that grows with the square of the rows, and gives up at some 100,000 of them. */
const PAGE_ROWS = 100;

/** A table without borders, cut to the terminal: what can give way does, widest first. Ends with a line break. */
export function renderTable(
  columns: readonly Column[],
  rows: readonly (readonly Cell[])[],
  terminal: Terminal,
): string {
  const widths = columnWidths(columns, rows, terminal.width);
  const cut = (cell: Cell, index: number) => {
    const text = cutTo(cell.text, widths[index] ?? 0);
    return cell.look === undefined ? text : terminal.paint(cell.look, text);
  };
  const head = columns.map((column, index) => cut({ text: column.title, look: 'faint' }, index));
  const pages: string[] = [];
  for (let start = 0; start < Math.max(1, rows.length); start += PAGE_ROWS) {
    const page = new CliTable({
      head: start === 0 ? head : [],
      colWidths: widths,
      colAligns: columns.map((column) => column.align ?? 'left'),
      style: { head: [], border: [], 'padding-left': 0, 'padding-right': 0, compact: true },
      chars: BORDERS,
    });
    for (const row of rows.slice(start, start + PAGE_ROWS)) page.push(row.map(cut));
    pages.push(page.toString());
  }
  const lines = pages.join('\n').split('\n');
  return `${lines.map((line) => line.trimEnd()).join('\n')}\n`;
}

function columnWidths(
  columns: readonly Column[],
  rows: readonly (readonly Cell[])[],
  available: number,
): number[] {
  const widths = columns.map((column, index) =>
    rows.reduce(
      (widest, row) => Math.max(widest, displayWidth(row[index]?.text ?? '')),
      displayWidth(column.title),
    ),
  );
  let excess = widths.reduce((sum, width) => sum + width, GAP * (widths.length - 1)) - available;
  while (excess > 0) {
    const widest = widestShrinkable(columns, widths);
    if (widest === undefined) break;
    widths[widest] = (widths[widest] ?? 0) - 1;
    excess--;
  }
  return widths;
}

function widestShrinkable(columns: readonly Column[], widths: readonly number[]): number | undefined {
  let widest: number | undefined;
  for (const [index, width] of widths.entries()) {
    const minWidth = columns[index]?.minWidth;
    if (minWidth === undefined || width <= minWidth) continue;
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
