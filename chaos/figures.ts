import { readFile, writeFile } from 'node:fs/promises';
import { cpus, release } from 'node:os';
import type { Result } from './bench.ts';
import { figuresText } from './report.ts';

const DOCUMENT = new URL('../docs/reliability.md', import.meta.url);
const START = '<!-- figures: npm run chaos -- --full -->';
const END = '<!-- end of figures -->';
const HEAD = ['| scenario | what | result | figures | measured |', '|---|---|---|---|---|'];

/**
 * Puts what was measured into the document, with the date, the seed and the versions it was measured by: a row for each
 * scenario, in place of the one that is there. Called after each, so that a run that is broken off leaves what it has.
 * `names` are all scenarios, in their order.
 */
export async function saveResult(
  result: Result,
  databases: readonly string[],
  names: readonly string[],
): Promise<void> {
  const document = await readFile(DOCUMENT, 'utf8');
  const [before, rest] = document.split(START);
  const [table, after] = rest?.split(END) ?? [];
  if (before === undefined || table === undefined || after === undefined)
    throw new Error('docs/reliability.md has no place for figures');
  const rows = new Map<string, string>();
  for (const line of table.split('\n')) {
    const [, name] = /^\| `([\w-]+)` \|/.exec(line) ?? [];
    if (name !== undefined) rows.set(name, line);
  }
  rows.set(result.scenario, rowOf(result, databases));
  const ordered = names.flatMap((name) => rows.get(name) ?? []);
  const machine = `On Linux ${release().split('-')[0]}, ${cpus().length} cores:`;
  const lines = [machine, '', ...HEAD, ...ordered];
  await writeFile(DOCUMENT, `${before}${START}\n${lines.join('\n')}\n${END}${after}`);
}

function rowOf(
  { scenario, title, outcome, figures, reasons, seed }: Result,
  databases: readonly string[],
): string {
  const day = new Date().toISOString().slice(0, 10);
  const versions = [`Node ${process.versions.node}`, ...databases];
  const came = outcome === 'passed' ? outcome : `${outcome}: ${reasons.map(firstLine).join('; ')}`;
  const cells = [
    `\`${scenario}\``,
    title,
    came,
    figuresText(figures),
    `${day}, ${versions.join(', ')}, seed ${seed}`,
  ];
  return `| ${cells.map((cell) => cell.replace(/[|\r\n]+/g, ' ')).join(' | ')} |`;
}

/** What a reader of the table needs of a reason; a stack and its paths are in what the run printed. */
function firstLine(reason: string): string {
  return (reason.split('\n')[0] ?? '').replace(/file:\S+/g, '…');
}
