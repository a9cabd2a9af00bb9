import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { countOf, DIALECTS, type Ledger } from '../ledgers/ledger.ts';
import type { Bench, Finding, Scenario } from '../scenario.ts';
import { between } from '../seeded.ts';
import { TcpProxy } from '../tcp-proxy.ts';
import { faultsOf, figuresOf, Trial } from '../trial.ts';
import { type Held, SoakCrew } from './soak-crew.ts';
import { faultsFor, mountDisk, type SoakTarget, unmountDisk } from './soak-faults.ts';

const WRITERS = 4;
/** Executions a second, of all. */
const RATE = 500;
/** Rounds where nobody says how many, how long each takes and how long a fault of it lasts at most. */
const SHAPE = {
  full: { rounds: 5, roundMillis: 60_000, patience: 20_000 },
  short: { rounds: 4, roundMillis: 15_000, patience: 4_000 },
};
/** What is older goes, or the ledger would be larger than the disk. Nothing is sent again so late. */
const KEPT = '5m';
/** Every so many rounds all rows are judged, and old ones removed. */
const ROUNDS_A_LOOK = 2;
/** By then a killed writer has been found, and the ledger told of its end. Milliseconds. */
const FOUND_WITHIN_MILLIS = 240_000;
/** What may be open, or held, more than after the first tenth before it counts as a leak. */
const MORE_FILES = 16;
const MORE_HEAP_BYTES = 32 * 2 ** 20;

/** A load that does not end, and something that goes wrong every minute. */
export const soak: Scenario = {
  name: 'soak',
  title: 'a steady load and a fault each minute: identity each minute, files and heap flat',
  dialects: DIALECTS,
  isLong: true,
  async run(bench, dialect): Promise<Finding> {
    const ledger = await bench.ledger(dialect);
    const { server } = ledger;
    const trial = new Trial(bench, ledger, 's');
    const proxy = server === undefined ? undefined : await TcpProxy.open(server.port, bench.random);
    if (proxy !== undefined) trial.store = ledger.urlThrough(proxy.port);
    const disk = await mountDisk(spoolOf(ledger, trial));
    try {
      await trial.begin(false);
      return await endure(bench, trial, { ledger, proxy, disk });
    } finally {
      await server?.start().catch(() => {});
      await trial.dispose();
      await proxy?.close();
      if (disk !== undefined) unmountDisk(disk);
    }
  },
};

async function endure(
  bench: Bench,
  trial: Trial,
  place: Pick<SoakTarget, 'ledger' | 'proxy' | 'disk'>,
): Promise<Finding> {
  const shape = bench.isFull || bench.minutes !== undefined ? SHAPE.full : SHAPE.short;
  const rounds = bench.minutes ?? shape.rounds;
  const crew = new SoakCrew(trial, WRITERS, RATE, rounds);
  const target: SoakTarget = { ...place, crew, random: bench.random, patience: shape.patience };
  const kinds = faultsFor(place);
  const deck: string[] = [];
  const faults: string[] = [];
  const held: Held[] = [];
  for (let round = 1; round <= rounds && faults.length === 0; round++) {
    const endsAt = performance.now() + shape.roundMillis;
    if (deck.length === 0) deck.push(...Object.keys(kinds));
    const [kind = ''] = deck.splice(between(bench.random, 0, deck.length - 1), 1);
    await sleep(between(bench.random, 0, shape.roundMillis / 4));
    await kinds[kind]?.(target);
    await sleep(Math.max(0, endsAt - performance.now()));
    await crew.relieve();
    const now = await crew.look(`in round ${round}, after ${kind}`, faults);
    held.push(now);
    faults.push(
      ...(await judgeDead(place.ledger)).map((fault) => `in round ${round}, after ${kind}: ${fault}`),
    );
    if (round % ROUNDS_A_LOOK === 0) {
      faults.push(...(await trial.oracle.look(place.ledger)));
      await prune(bench, place.ledger);
    }
    const { acknowledgedCount } = trial.oracle;
    bench.progress(
      round / rounds,
      `${round}/${rounds}, ${kind}: ${describe(now)}, acknowledged ${acknowledgedCount}`,
    );
  }
  await crew.close();
  const settlement = await trial.settle();
  const { files, heap, rss } = growthOf(held);
  if (files > MORE_FILES) faults.push(`a writer has ${files} more files open than after the first tenth`);
  if (heap > MORE_HEAP_BYTES) faults.push(`the heap of a writer has grown by ${megabytes(heap)} MB`);
  return {
    figures: {
      minutes: Math.round((held.length * shape.roundMillis) / 6_000) / 10,
      stepsPerSecond: RATE,
      faults: held.length,
      filesGrowth: files,
      heapMb: megabytes(held.at(-1)?.heap ?? 0),
      heapGrowthMb: megabytes(heap),
      rssGrowthMb: megabytes(rss),
      ...figuresOf([settlement]),
    },
    faults: [...faults, ...faultsOf(settlement)],
  };
}

/** What the ledger knows of those that ended, and whether it knows of all of them. */
async function judgeDead(ledger: Ledger): Promise<readonly string[]> {
  const missing = await countOf(
    ledger,
    'select coalesce(sum(abs(missing)), 0) from lost_records where ended_at is not null or missing < 0',
  );
  const unknown = await countOf(
    ledger,
    `select count(*) from ledger_instances where ended_at is null and heartbeat_at < ${Date.now() - FOUND_WITHIN_MILLIS}`,
  );
  return [
    ...(missing === 0 ? [] : [`${missing} records of processes that ended are missing`]),
    ...(unknown === 0 ? [] : [`${unknown} processes are silent, and nobody has noticed`]),
  ];
}

async function prune({ root, folder }: Bench, { url }: Ledger): Promise<void> {
  const ages = ['--max-age', KEPT, '--failed-max-age', KEPT, '--max-bytes', '1000GiB'];
  const env = { PATH: process.env.PATH, RUNLEDGER_STORE: url };
  await promisify(execFile)(process.execPath, [join(root, 'dist', 'cli.js'), 'prune', ...ages], {
    cwd: folder,
    env,
  });
}

/** Between the end of the first tenth and that of the soak. */
function growthOf(held: readonly Held[]): Held {
  const before = held[Math.ceil(held.length / 10) - 1];
  const after = held.at(-1);
  const grown = (of: (held: Held) => number) =>
    before === undefined || after === undefined ? 0 : Math.max(0, of(after) - of(before));
  return {
    files: grown(({ files }) => files),
    heap: grown(({ heap }) => heap),
    rss: grown(({ rss }) => rss),
  };
}

function describe({ files, heap, rss, waiting }: Held & { readonly waiting: number }): string {
  return `${files} files, heap ${megabytes(heap)} MB, resident ${megabytes(rss)} MB, ${waiting} waiting`;
}

function megabytes(bytes: number): number {
  return Math.round((bytes / 2 ** 20) * 10) / 10;
}

/** Where the spool of this ledger will be: a folder that can have a disk of its own. */
function spoolOf(ledger: Ledger, trial: Trial): string {
  const [, path] = /^sqlite:(.*)$/.exec(ledger.url) ?? [];
  return path === undefined ? trial.directory : `${path}.spool`;
}
