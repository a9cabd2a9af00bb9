import { setTimeout as sleep } from 'node:timers/promises';
import { countOf, type Ledger } from '../ledgers/ledger.ts';
import { PostgresPair } from '../postgres-pair.ts';
import type { Finding, Scenario } from '../scenario.ts';
import { between, type Random } from '../seeded.ts';
import { faultsOf, figuresOf, Trial } from '../trial.ts';
import type { WriterProcess } from '../writer-process.ts';

const RATE = 1_000;
/** Between two failovers. */
const GOOD_MILLIS = { min: 1_000, max: 3_000 };
/** How long the endpoint leads to a server that can not be written. */
const READ_ONLY_MILLIS = { min: 1_000, max: 3_000 };
/** The longest pause of a retry is 5 s, and a connection may take 3 s. */
const STORES_WITHIN_MILLIS = 60_000;
const LOOK_MILLIS = 10;

/** One way by which the two change places. Resolves once the endpoint leads to a primary. */
type Failover = (pair: PostgresPair, random: Random) => Promise<void>;

/**
 * The primary is killed when it has committed something and its answer is still under way: what the standby has by then, the
 * writer does not know of. The endpoint leads to the standby before that is promoted.
 */
const crash: Failover = async (pair, random) => {
  pair.endpoint.mode = 'delay';
  await untilCommitted(pair.ledger);
  await pair.primary.stop('SIGQUIT');
  pair.endpoint.mode = 'reset';
  pair.endpoint.mode = 'pass';
  pair.endpoint.target = pair.standby.port;
  await sleep(between(random, READ_ONLY_MILLIS.min, READ_ONLY_MILLIS.max));
  await pair.promote();
};

/** Planned: the primary ends, and is a standby when it is back, at the same address; then the endpoint leads to the other. */
const switchover: Failover = async (pair, random) => {
  await pair.primary.stop('SIGINT');
  await pair.promote();
  await pair.rejoin('as it is');
  await sleep(between(random, READ_ONLY_MILLIS.min, READ_ONLY_MILLIS.max));
  pair.endpoint.target = pair.primary.port;
};

/** Nobody ends: the primary may only be read, and whoever is connected to it stays there until he goes by himself. */
const demotion: Failover = async (pair, random) => {
  await pair.makeReadOnly();
  await sleep(between(random, READ_ONLY_MILLIS.min, READ_ONLY_MILLIS.max));
  await pair.promote();
  pair.endpoint.target = pair.primary.port;
};

const SHORT: readonly Failover[] = [crash, demotion];
const FULL: readonly Failover[] = [
  ...[crash, switchover, demotion],
  ...[crash, switchover, demotion],
  ...[crash, switchover, demotion, crash],
];

/** Has the former primary follow again, and commits wait for it. */
async function restore(pair: PostgresPair, failover: Failover): Promise<void> {
  if (failover !== switchover) {
    await pair.standby.stop('SIGQUIT');
    // It may have commits that nobody else has and nobody was told of.
    await pair.rejoin('as a copy');
  }
  await pair.synchronise();
}

/**
 * What was acknowledged is on the new primary, and the ledger finds there by itself: a server that may only be read is let
 * go of, since the address leads elsewhere by now.
 */
export const failover: Scenario = {
  name: 'failover',
  title: 'a primary fails over to its standby, by a crash, as planned, or with sessions left behind',
  dialects: ['postgres'],
  async run(bench): Promise<Finding> {
    const pair = await PostgresPair.start(bench.random);
    const trial = new Trial(bench, pair.ledger);
    const failovers = bench.isFull ? FULL : SHORT;
    const firstRows: number[] = [];
    try {
      await trial.begin();
      const writer = trial.start({ rate: RATE, runs: 1e5 });
      await writer.until(1);
      for (const [index, change] of failovers.entries()) {
        await sleep(between(bench.random, GOOD_MILLIS.min, GOOD_MILLIS.max));
        await change(pair, bench.random);
        firstRows.push(await untilFirstRow(writer));
        if (index < failovers.length - 1) await restore(pair, change);
        bench.progress((index + 1) / (failovers.length + 1));
      }
      writer.tell('stop');
      await writer.report('loaded');
      await writer.close();
      const { exitCode, stderr } = await writer.ended;
      const settlement = await trial.settle();
      const faults = [...faultsOf(settlement)];
      if (exitCode !== 0 || stderr !== '')
        faults.push(`the writer ended with ${exitCode}: ${stderr.slice(0, 500)}`);
      if (bench.isFull && settlement.sentAgain === 0)
        faults.push('no commit was ever in doubt: nothing was sent twice');
      if (pair.refusals === 0) faults.push('the writer never met a server that may only be read');
      return {
        figures: {
          failovers: failovers.length,
          readOnlyAnswers: pair.refusals,
          firstRowMedianMs: medianOf(firstRows),
          firstRowMaxMs: Math.max(...firstRows),
          ...figuresOf([settlement]),
        },
        faults,
        versions: [pair.version],
      };
    } finally {
      await trial.dispose();
      await pair.dispose();
    }
  },
};

/** The accounts of a writer are committed with its records. */
async function untilCommitted(ledger: Ledger): Promise<void> {
  const committed = () => countOf(ledger, 'select sum(last_seq) from ledger_instances');
  const before = await committed();
  while ((await committed()) === before) await sleep(LOOK_MILLIS);
}

/** Milliseconds until the writer stores again, from now on: nothing was stored since the server before could be written. */
async function untilFirstRow(writer: WriterProcess): Promise<number> {
  const beganAt = performance.now();
  const storedNow = async () => (await writer.ask('state')).accounts?.stored ?? 0;
  const stored = await storedNow();
  while ((await storedNow()) === stored) {
    if (performance.now() - beganAt > STORES_WITHIN_MILLIS)
      throw new Error(`nothing was stored for ${STORES_WITHIN_MILLIS / 1_000} s after the failover`);
    await sleep(LOOK_MILLIS);
  }
  return Math.round(performance.now() - beganAt);
}

function medianOf(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? 0;
}
