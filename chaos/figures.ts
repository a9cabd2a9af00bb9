import { readFile, writeFile } from 'node:fs/promises';
import { cpus, release } from 'node:os';
import type { Result } from './bench.ts';
import { figuresText } from './report.ts';

const DOCUMENT = new URL('../docs/reliability.md', import.meta.url);
const START = '<!-- figures: npm run chaos -- --full -->';
const END = '<!-- end of figures -->';

/**
 * Puts what was measured into the document, with the date and the versions it was measured by. Called after each
 * scenario, so that a run that is broken off leaves what it has.
 */
export async function saveResults(results: readonly Result[], databases: readonly string[]): Promise<void> {
  const document = await readFile(DOCUMENT, 'utf8');
  const [before, rest] = document.split(START);
  const after = rest?.split(END)[1];
  if (before === undefined || after === undefined)
    throw new Error('docs/reliability.md has no place for figures');
  const day = new Date().toISOString().slice(0, 10);
  const versions = [`Node ${process.versions.node}`, `SQLite ${process.versions.sqlite}`, ...databases];
  const rows = results.map(
    ({ scenario, title, outcome, figures, reasons }) =>
      `| \`${scenario}\` | ${title} | ${outcome === 'skipped' ? `skipped: ${reasons.join('; ')}` : outcome} | ${figuresText(figures)} |`,
  );
  const table = [
    `Measured on ${day} by seed ${results[0]?.seed}: ${versions.join(', ')}, Linux ${release()}, ${cpus().length} cores.`,
    '',
    '| scenario | what | result | figures |',
    '|---|---|---|---|',
    ...rows,
  ];
  await writeFile(DOCUMENT, `${before}${START}\n${table.join('\n')}\n${END}${after}`);
}
