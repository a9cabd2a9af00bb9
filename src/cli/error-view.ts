import type { ExecutionRow } from '../store/execution-row.ts';
import { parsedJson } from './outcome-text.ts';
import { printable } from './printable.ts';
import type { Terminal } from './terminal.ts';

/** Frames of the application's own code shown, unless all are asked for. */
const STACK_LINES = 8;

interface ChainLink {
  readonly type?: unknown;
  readonly message?: unknown;
  readonly code?: unknown;
}

/** The failure of the execution that failed first: where it happened, the error with its causes, the stack. */
export function renderFailure(
  row: ExecutionRow,
  rows: readonly ExecutionRow[],
  terminal: Terminal,
  wholeStack: boolean,
): string {
  const lines = [
    `${terminal.paint('bad', 'Failed at')} ${terminal.paint('strong', pathOf(row, rows).map(printable).join(' › '))}`,
    ...chainLines(row).map((line) => `  ${line}`),
    ...stackLines(row, wholeStack).map((line) => terminal.paint('faint', `    ${line}`)),
  ];
  return `${lines.join('\n')}\n`;
}

function chainLines(row: ExecutionRow): string[] {
  const chain = parsedJson(row.error_chain);
  const links: readonly (ChainLink | null)[] = Array.isArray(chain) ? chain : [];
  if (links.length === 0) {
    const code = row.error_code === null ? '' : ` (code ${printable(row.error_code)})`;
    return [`${printable(row.error ?? row.error_type ?? 'failed without an error')}${code}`];
  }
  return links.map((link, index) => {
    const code =
      typeof link?.code === 'string' || typeof link?.code === 'number' ? ` (code ${link.code})` : '';
    const text = `${String(link?.type ?? 'Error')}: ${String(link?.message ?? '')}${code}`;
    return `${index === 0 ? '' : 'caused by '}${printable(text)}`;
  });
}

function stackLines(row: ExecutionRow, whole: boolean): string[] {
  if (row.error_stack === null) return [];
  // The message, which may have many lines, is shown already: only the frames are of interest here.
  const frames = row.error_stack
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line.startsWith('at '));
  const own = frames.filter((frame) => !/\bnode:|\/node_modules\//.test(frame));
  const shown = whole ? frames : (own.length > 0 ? own : frames).slice(0, STACK_LINES);
  const more = frames.length - shown.length;
  return [...shown.map(printable), ...(more > 0 ? [`… ${more} more frames (--all shows them)`] : [])];
}

/** Names from the outermost execution to this one. */
function pathOf(row: ExecutionRow, rows: readonly ExecutionRow[]): string[] {
  const byId = new Map(rows.map((other) => [other.record_id, other]));
  const path: string[] = [];
  for (let up: ExecutionRow | undefined = row; up !== undefined; up = byId.get(up.parent_record_id ?? '')) {
    path.unshift(up.attempt > 1 ? `${up.name} #${up.attempt}` : up.name);
    byId.delete(up.record_id);
  }
  return path;
}
