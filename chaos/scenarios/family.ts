import type { Scenario } from '../scenario.ts';
import { faultsOf, figuresOf, type Settlement, Trial } from '../trial.ts';

const KINDS = ['cluster', 'fork', 'threads'] as const;

/** Children made after the ledger, half of which are killed or terminated; they write to one store and one folder. */
export const family: Scenario = {
  name: 'family',
  title: 'cluster, fork and worker threads with ledgers of their own; half of them are killed',
  async run(bench) {
    const rounds = bench.isFull ? 30 : 1;
    const settlements: Settlement[] = [];
    const faults: string[] = [];
    for (let round = 1; round <= rounds; round++) {
      for (const kind of KINDS) {
        const ledger = await bench.ledger('sqlite');
        const trial = new Trial(bench, ledger, `${kind}${round}w`);
        try {
          const parent = trial.start({ runs: 400 }, { program: 'family.ts', env: { CHAOS_FAMILY: kind } });
          await parent.report('closed');
          parent.tell('close');
          const { exitCode, stderr } = await parent.ended;
          if (exitCode !== 0 || stderr !== '')
            faults.push(`${kind} ended with ${exitCode}: ${stderr.slice(0, 800)}`);
          const settlement = await trial.settle();
          settlements.push(settlement);
          faults.push(...faultsOf(settlement).map((fault) => `${kind}: ${fault}`));
        } finally {
          await trial.dispose();
        }
      }
      bench.progress(round / rounds);
    }
    return { figures: { families: rounds * KINDS.length, ...figuresOf(settlements) }, faults };
  },
};
