import { setTimeout as sleep } from 'node:timers/promises';
import { type Dialect, SERVER_DIALECTS } from '../ledgers/ledger.ts';
import type { Bench, Finding, Scenario } from '../scenario.ts';
import { faultsOf, figuresOf, Trial } from '../trial.ts';

/** What an outage is like, and what it may cost. */
interface Outage {
  readonly rate: number;
  readonly seconds: number;
  readonly node?: readonly string[];
  /** Nothing happens: what a process does in the same time anyway. */
  readonly isNone?: true;
}

/** Until the process is warm: what it grows by later is the outage's. */
const SECONDS_BEFORE = { full: 20, short: 5 };
const SECONDS_AFTER = 2;

/**
 * The server ends in the middle of a steady load and comes back later. Figures, not limits: what a machine can do says
 * nothing of whether the next one can. Only a loss fails.
 */
async function endure(bench: Bench, dialect: Dialect, outage: Outage): Promise<Finding> {
  const ledger = await bench.ledger(dialect);
  const { server } = ledger;
  if (server === undefined) throw new Error(`${dialect} has no server to stop`);
  const trial = new Trial(bench, ledger);
  const { rate, seconds, node = [], isNone = false } = outage;
  const secondsBefore = bench.isFull ? SECONDS_BEFORE.full : SECONDS_BEFORE.short;
  const runs = Math.round((rate * (secondsBefore + seconds + SECONDS_AFTER)) / 10);
  try {
    const writer = trial.start({ runs, rate }, { node });
    await writer.until(rate * secondsBefore);
    const before = await writer.ask('state');
    if (!isNone) await server.stop(dialect === 'postgres' ? 'SIGQUIT' : 'SIGKILL');
    for (let second = 0; second < seconds; second++) {
      await sleep(1_000);
      bench.progress(second / (seconds + 10));
    }
    const during = await writer.ask('state');
    const backlog = (during.accounts?.created ?? 0) - (during.accounts?.stored ?? 0);
    await server.start();
    const backAt = performance.now();
    await writer.report('loaded');
    let peak = 0;
    for (;;) {
      const { accounts, rss } = await writer.ask('state');
      peak = Math.max(peak, rss?.max ?? 0);
      if (accounts !== undefined && accounts.stored + accounts.quarantined >= accounts.created) break;
      if (performance.now() - backAt > 600_000) throw new Error(`not drained: ${JSON.stringify(accounts)}`);
      await sleep(50);
    }
    const drainSeconds = Math.round((performance.now() - backAt) / 100) / 10;
    await writer.close();
    const grownTo = (bytes = 0) => Math.max(0, Math.round((bytes - (before.rss?.now ?? 0)) / 2 ** 20));
    const settlement = await trial.settle();
    return {
      figures: {
        stepsPerSecond: rate,
        ...(isNone ? { seconds } : { outageSeconds: seconds, backlog }),
        loopP99Ms: during.loop?.p99 ?? 0,
        'loopP99.9Ms': during.loop?.p999 ?? 0,
        loopMaxMs: during.loop?.max ?? 0,
        rssGrowthMb: grownTo(during.rss?.max),
        ...(!isNone && { drainSeconds, rssGrowthDrainedMb: grownTo(peak) }),
        ...figuresOf([settlement]),
      },
      faults: faultsOf(settlement),
    };
  } finally {
    await server.start().catch(() => {});
    await trial.dispose();
  }
}

/** At a rate that an application may well have; seconds in the short set. */
function tenMinutes({ isFull }: Bench): Outage {
  return { rate: 1_000, seconds: isFull ? 600 : 10 };
}

export const outage: Scenario = {
  name: 'outage',
  title: 'the database is gone for minutes at 1,000 executions a second',
  dialects: SERVER_DIALECTS,
  run: (bench, dialect) => endure(bench, dialect, tenMinutes(bench)),
};

export const steady: Scenario = {
  name: 'steady',
  title: 'the same time and load with a database that stays: what of the figures is no outage’s',
  dialects: ['postgres', 'mariadb'],
  isLong: true,
  run: (bench, dialect) => endure(bench, dialect, { ...tenMinutes(bench), isNone: true }),
};

export const outageFast: Scenario = {
  name: 'outage-fast',
  title: 'the database is gone for a minute at 10,000 executions a second',
  dialects: ['postgres'],
  isLong: true,
  run: (bench, dialect) => endure(bench, dialect, { rate: 10_000, seconds: bench.isFull ? 60 : 10 }),
};

/** 64 MB of heap, a container of the smallest kind. */
const SMALL_HEAP = ['--max-old-space-size=64'];

export const outageSmallHeap: Scenario = {
  name: 'outage-small-heap',
  title: 'an outage in a process with a heap of 64 MB',
  dialects: ['postgres'],
  isLong: true,
  run: (bench, dialect) => endure(bench, dialect, { ...tenMinutes(bench), node: SMALL_HEAP }),
};

export const steadySmallHeap: Scenario = {
  name: 'steady-small-heap',
  title: 'the same time and load in such a process with a database that stays',
  dialects: ['postgres'],
  isLong: true,
  run: (bench, dialect) => endure(bench, dialect, { ...tenMinutes(bench), node: SMALL_HEAP, isNone: true }),
};
