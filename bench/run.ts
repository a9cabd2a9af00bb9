/**
 * Measures Runledger beside named peers and prints ratios with the goals beside them.
 *
 *   npm run bench                  all suites, five rounds
 *   npm run bench -- hot-path -n 9 one suite, nine rounds
 *   npm run bench -- --json        for machines
 */
import { cpus } from 'node:os';
import { parseArgs, styleText } from 'node:util';
import Table from 'cli-table3';
import { measure, type Result, type Sample, type Suite } from './measure.ts';

const SUITES = [
  'hot-path',
  'without-sdk',
  'sqlite',
  'stores',
  'spool',
  'end',
  'event-loop',
  'memory',
  'start-up',
  'graphile-worker',
  'bullmq',
  'langgraph',
];

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    rounds: { type: 'string', short: 'n', default: '5' },
    json: { type: 'boolean', default: false },
  },
});
const rounds = Number(values.rounds);
const wanted = positionals.length > 0 ? positionals : SUITES;
const unknown = wanted.filter((name) => !SUITES.includes(name));
if (unknown.length > 0 || !Number.isInteger(rounds) || rounds < 1) {
  process.stderr.write(`usage: npm run bench -- [${SUITES.join(' | ')}] [-n ROUNDS] [--json]\n`);
  process.exit(2);
}

const report: Record<string, { results: Result[]; medians: Record<string, Sample> }> = {};
for (const name of wanted) {
  const file = `${name}.ts`;
  const { suite } = (await import(`./${file}`)) as { suite: Suite };
  const measured = await measure(file, suite, rounds, showProgress);
  showProgress('');
  report[name] = measured;
  if (!values.json) print(suite, measured);
}
if (values.json) process.stdout.write(`${JSON.stringify(report, null, 2)}\n`);

function showProgress(text: string): void {
  if (process.stderr.isTTY) process.stderr.write(`\r\x1b[2K${text}`);
}

function print(suite: Suite, measured: { results: Result[]; medians: Record<string, Sample> }): void {
  process.stdout.write(`\n${styleText('bold', suite.title)}\n`);
  const table = new Table({ head: ['what', 'median', 'range', 'goal', ''], style: { head: [] } });
  for (const { comparison, median, low, high, met } of measured.results) {
    const { goal } = comparison;
    table.push([
      comparison.what,
      withUnit(median, comparison.unit),
      `${withUnit(low, comparison.unit)} – ${withUnit(high, comparison.unit)}`,
      'atMost' in goal
        ? `≤ ${withUnit(goal.atMost, comparison.unit)}`
        : `≥ ${withUnit(goal.atLeast, comparison.unit)}`,
      met ? styleText('green', 'met') : styleText('red', 'missed'),
    ]);
  }
  process.stdout.write(`${table.toString()}\n`);
  for (const [variant, sample] of Object.entries(measured.medians)) {
    const figures = Object.entries(sample).map(
      ([figure, value]) => `${figure} ${Number(value.toPrecision(4))}`,
    );
    process.stdout.write(`  ${variant}: ${figures.join(', ')}\n`);
  }
  process.stdout.write(
    styleText(
      'dim',
      `  ${rounds} rounds, interleaved; Node ${process.versions.node}, ${cpus().length} cores\n`,
    ),
  );
}

function withUnit(value: number, unit: string | undefined): string {
  return `${Number(value.toPrecision(3))}${unit === undefined ? '' : ` ${unit}`}`;
}
