import { setTimeout as sleep } from 'node:timers/promises';
import { countWire } from '../ledgers/ledger.ts';
import type { Scenario } from '../scenario.ts';
import { between } from '../seeded.ts';
import { faultsOf, figuresOf, type Settlement, Trial } from '../trial.ts';

const KILLS_A_ROUND = 10;
/** Executions that a dead writer leaves to be recovered. */
const LEFT = 5_000;

/**
 * A writer fills its spool while the store can not be reached, and is killed. The processes that recover it are killed in
 * turn, at random moments; the last one is left alone.
 */
export const recovery: Scenario = {
  name: 'kill-recovery',
  title: 'kill -9 of processes that recover what a killed one has left',
  dialects: ['sqlite', 'postgres', 'mariadb'],
  async run(bench, dialect) {
    const kills = bench.isFull ? 200 : 3;
    const settlements: Settlement[] = [];
    const faults: string[] = [];
    for (let killed = 0, round = 1; killed < kills && faults.length === 0; round++) {
      const ledger = await bench.ledger(dialect);
      const trial = new Trial(bench, ledger, `r${round}w`);
      try {
        const first = trial.start({ runs: 1 });
        await first.report('loaded');
        await first.close();
        await countWire(ledger);
        const away = dialect === 'sqlite' ? 'sqlite:/proc/nowhere/ledger.db' : ledger.urlThrough(1);
        const victim = trial.start({ store: away });
        await victim.until(LEFT);
        victim.kill('SIGKILL');
        await victim.ended;
        for (const goal = Math.min(kills, killed + KILLS_A_ROUND); killed < goal; ) {
          killed++;
          const recoverer = trial.start({ runs: 1 });
          await recoverer.report('ready');
          await sleep(between(bench.random, 0, 120));
          recoverer.kill('SIGKILL');
          await recoverer.ended;
          bench.progress(killed / kills);
        }
        const settlement = await trial.settle();
        settlements.push(settlement);
        faults.push(...faultsOf(settlement));
      } finally {
        await trial.dispose();
      }
    }
    return { figures: { kills, ...figuresOf(settlements) }, faults };
  },
};
