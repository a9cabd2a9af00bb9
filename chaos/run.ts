/**
 * Proves by faults what the documents say of durability.
 *
 *   npm run chaos                        the short set, of each change
 *   npm run chaos -- --full              the full set, of the night, with the mutations: writes its figures into
 *                                       docs/reliability.md as it goes
 *   npm run chaos -- --only kill,exit    scenarios by the start of their names; with --full, as the full set has them
 *   npm run chaos -- --seed 7            the same faults again
 *   npm run chaos -- --full --only soak --minutes 1440
 *                                        a steady load and a fault a minute, for so long
 *   npm run chaos -- --list | --json
 */

import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { Laboratory, type Result } from './bench.ts';
import { saveResult } from './figures.ts';
import { Progress } from './progress.ts';
import { printResult, printTable } from './report.ts';
import { SCENARIOS } from './scenarios/catalogue.ts';

const USAGE =
  'usage: npm run chaos -- [--full] [--only NAME,…] [--seed N] [--minutes N] [--json] [--list] [--help]\n';

const values = valuesOf(process.argv.slice(2));
const seed = Number(values.seed);
const minutes = values.minutes === undefined ? undefined : Number(values.minutes);
const wanted = values.only.split(',').filter((name) => name !== '');
const all = SCENARIOS.flatMap((scenario) =>
  (scenario.dialects ?? (['sqlite'] as const)).map((dialect) => ({
    scenario,
    dialect,
    name: scenario.dialects === undefined ? scenario.name : `${scenario.name}-${dialect}`,
  })),
);
const names = all.map(({ name }) => name);
const jobs = all.filter(({ scenario, name }) =>
  wanted.length > 0
    ? wanted.some((start) => name.startsWith(start))
    : values.full || scenario.isLong !== true,
);
if (values.help) {
  process.stdout.write(USAGE);
  process.exit(0);
}
if (!Number.isInteger(seed)) refuse(`--seed takes a whole number, not "${values.seed}"`);
if (!((minutes ?? 1) > 0)) refuse(`--minutes takes a number above 0, not "${values.minutes}"`);
if (jobs.length === 0) refuse(`no scenario begins with "${values.only}"; --list says which there are`);
if (values.list) {
  for (const { name, scenario } of jobs) process.stdout.write(`${name.padEnd(24)}${scenario.title}\n`);
  process.exit(0);
}

const laboratory = new Laboratory();
const progress = new Progress(jobs.length);
const results: Result[] = [];
try {
  for (const [index, { scenario, dialect, name }] of jobs.entries()) {
    progress.show(index, name);
    const root = fileURLToPath(new URL('..', import.meta.url));
    const onProgress = (share: number, what?: string) => progress.show(index + share, name, what);
    const options = {
      isFull: values.full,
      seed,
      root,
      onProgress,
      ...(minutes !== undefined && { minutes }),
    };
    const result = await laboratory.run(scenario, dialect, options);
    results.push(result);
    progress.hide();
    if (!values.json) printResult(result);
    const versions = result.versions.length > 0 ? result.versions : await laboratory.versions(dialect);
    if (values.full) await saveResult(result, versions, names);
  }
} finally {
  progress.hide();
  await laboratory.dispose();
}
if (values.json) process.stdout.write(`${JSON.stringify({ seed, results }, null, 2)}\n`);
else printTable(results, seed);
process.exitCode = results.some(({ outcome }) => outcome === 'failed') ? 1 : 0;
if (values.full && wanted.length === 0) {
  // Last, what shows that all of this can fail.
  const mutations = fileURLToPath(new URL('mutations.ts', import.meta.url));
  const { status } = spawnSync(process.execPath, [mutations], { stdio: ['ignore', 'inherit', 'inherit'] });
  if (status !== 0) process.exitCode = 1;
}

function valuesOf(args: string[]) {
  try {
    return parseArgs({
      args,
      options: {
        full: { type: 'boolean', default: false },
        only: { type: 'string', default: '' },
        seed: { type: 'string', default: String(Math.floor(Math.random() * 1e9)) },
        json: { type: 'boolean', default: false },
        minutes: { type: 'string' },
        list: { type: 'boolean', default: false },
        help: { type: 'boolean', default: false },
      },
    }).values;
  } catch (error) {
    return refuse((error as Error).message);
  }
}

function refuse(problem: string): never {
  process.stderr.write(`${problem}\n${USAGE}`);
  process.exit(2);
}
