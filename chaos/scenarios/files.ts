import type { SweepReport } from '../programs/file-faults.ts';
import type { Finding, Scenario } from '../scenario.ts';
import { Trial } from '../trial.ts';

/** Each call of the spool to the file system fails in turn, the first, the second, and so on until none is left to fail. */
export const fileFaults: Scenario = {
  name: 'file-faults',
  title:
    'the Nth open, write, truncate, sync, unlink of the spool fails, once or from then on: the accounts add up',
  async run(bench): Promise<Finding> {
    const ledger = await bench.ledger('sqlite');
    const trial = new Trial(bench, ledger);
    try {
      const env = { CHAOS_CALLS: bench.isFull ? '1000' : '4' };
      const sweep = trial.start({ runs: bench.isFull ? 120 : 60 }, { program: 'file-faults.ts', env });
      const { trials, struck, dropped, faults } = (await sweep.report('closed')) as SweepReport;
      sweep.tell('close');
      const { exitCode, stderr } = await sweep.ended;
      const ended = exitCode === 0 ? [] : [`the process ended with ${exitCode}: ${stderr.slice(0, 500)}`];
      const none = struck > 0 ? [] : ['no fault ever struck'];
      return { figures: { trials, struck, dropped }, faults: [...ended, ...none, ...faults] };
    } finally {
      await trial.dispose();
    }
  },
};
