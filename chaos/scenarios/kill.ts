import { setTimeout as sleep } from 'node:timers/promises';
import { DIALECTS } from '../ledgers/ledger.ts';
import type { Scenario } from '../scenario.ts';
import { between } from '../seeded.ts';
import { faultsOf, figuresOf, type Settlement, Trial } from '../trial.ts';

/** Kills before what was written is judged and the ledger is emptied: it would grow into gigabytes. */
const KILLS_A_ROUND = 50;
/** Writers at once. They share a spool folder, so those that live take over from those that died. */
const WRITERS = 2;
/** How many acknowledgements a writer lives for at most, of which it gets about half; and how many milliseconds longer. */
const LIFE = { full: 3_600, short: 2_400 };
const LONGER_MILLIS = 20;

export const kill: Scenario = {
  name: 'kill',
  title: 'kill -9 of writers, in the middle of runs and of writes',
  dialects: DIALECTS,
  async run(bench, dialect) {
    const kills = bench.isFull ? 1_000 : 10;
    const life = bench.isFull ? LIFE.full : LIFE.short;
    const settlements: Settlement[] = [];
    const faults: string[] = [];
    for (let killed = 0, round = 1; killed < kills; round++) {
      const ledger = await bench.ledger(dialect);
      const trial = new Trial(bench, ledger, `r${round}w`);
      const goal = Math.min(kills, killed + KILLS_A_ROUND);
      const killing = async () => {
        while (killed < goal) {
          killed++;
          const writer = trial.start();
          await writer.until(between(bench.random, 1, life));
          await sleep(between(bench.random, 0, LONGER_MILLIS));
          writer.kill('SIGKILL');
          await writer.ended;
          bench.progress(killed / kills);
        }
      };
      try {
        await trial.begin();
        await Promise.all(Array.from({ length: WRITERS }, killing));
        const settlement = await trial.settle();
        settlements.push(settlement);
        faults.push(...faultsOf(settlement));
      } finally {
        await trial.dispose();
      }
      if (faults.length > 0) break;
    }
    const figures = figuresOf(settlements);
    if (bench.isFull && faults.length === 0 && figures.sentAgain === 0) {
      faults.push('nothing was ever sent twice: the kills did not strike in the middle of a write');
    }
    return { figures: { kills, ...figures }, faults };
  },
};
