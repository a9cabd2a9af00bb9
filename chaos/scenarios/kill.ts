import { setTimeout as sleep } from 'node:timers/promises';
import type { Scenario } from '../scenario.ts';
import { between } from '../seeded.ts';
import { faultsOf, figuresOf, type Settlement, Trial } from '../trial.ts';

/** Kills before what was written is judged and the ledger is emptied: it would grow into gigabytes. */
const KILLS_A_ROUND = 50;
/** Writers at once. They share a spool folder, so those that live take over from those that died. */
const WRITERS = 2;
/** How long a writer lives after its first acknowledgement, at most. */
const LIFE_MILLIS = 1_000;

export const kill: Scenario = {
  name: 'kill',
  title: 'kill -9 of writers, in the middle of runs and of writes',
  dialects: ['sqlite', 'postgres', 'mariadb'],
  async run(bench, dialect) {
    const kills = bench.isFull ? 1_000 : 10;
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
          await writer.until(1);
          await sleep(between(bench.random, 0, LIFE_MILLIS));
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
