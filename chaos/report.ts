import { styleText } from 'node:util';
import Table from 'cli-table3';
import type { Result } from './bench.ts';

const COLOURS = { passed: 'green', failed: 'red', skipped: 'yellow' } as const;

/** One line of what came of a scenario, and the reasons where it did not pass. */
export function printResult({ scenario, outcome, seconds, figures, reasons, seed }: Result): void {
  const word = styleText(COLOURS[outcome], outcome.padEnd(7));
  process.stdout.write(
    `${word} ${scenario.padEnd(22)} ${String(seconds).padStart(6)} s  ${figuresText(figures)}\n`,
  );
  for (const reason of reasons) process.stdout.write(`        ${reason.replaceAll('\n', '\n        ')}\n`);
  if (outcome !== 'failed') return;
  process.stdout.write(`        again: npm run chaos -- --only ${scenario} --seed ${seed}\n`);
}

export function printTable(results: readonly Result[], seed: number): void {
  const table = new Table({
    head: ['scenario', 'what', '', 's', 'figures'],
    wordWrap: true,
    style: { head: [], border: [] },
  });
  for (const { scenario, title, outcome, seconds, figures } of results) {
    table.push([scenario, title, styleText(COLOURS[outcome], outcome), seconds, figuresText(figures)]);
  }
  const count = (wanted: Result['outcome']) => results.filter(({ outcome }) => outcome === wanted).length;
  const seconds = Math.round(results.reduce((sum, result) => sum + result.seconds, 0));
  process.stdout.write(`${table.toString()}\n`);
  process.stdout.write(
    `${count('passed')} passed, ${count('failed')} failed, ${count('skipped')} skipped in ${seconds} s, seed ${seed}\n`,
  );
}

export function figuresText(figures: Result['figures']): string {
  return Object.entries(figures)
    .map(
      ([name, value]) => `${wordsOf(name)} ${typeof value === 'number' ? value.toLocaleString('en') : value}`,
    )
    .join(', ');
}

/** `sentAgain` as `sent again`. */
function wordsOf(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`);
}
