import { countOf, DIALECTS } from '../ledgers/ledger.ts';
import type { Bench, Finding, Scenario } from '../scenario.ts';
import { faultsOf, figuresOf, type Settlement, Trial } from '../trial.ts';
import type { WriterProcess } from '../writer-process.ts';

const EXECUTIONS_A_RUN = 10;

/** Closes a writer and says what of its end is not as it should be. */
async function closed(writer: WriterProcess): Promise<readonly string[]> {
  await writer.report('loaded');
  const { shutdown } = await writer.close();
  const { exitCode, stderr } = await writer.ended;
  const faults: string[] = [];
  if (shutdown?.left !== 0 || shutdown.dropped !== 0)
    faults.push(`a writer left ${JSON.stringify(shutdown)}`);
  if (exitCode !== 0 || stderr !== '')
    faults.push(`a writer ended with ${exitCode}: ${stderr.slice(0, 500)}`);
  return faults;
}

/** Many processes write to one SQLite file at once. */
export const sharedFile: Scenario = {
  name: 'shared-file',
  title: 'processes that write to one SQLite file at once',
  async run(bench): Promise<Finding> {
    const processes = bench.isFull ? 16 : 4;
    const records = bench.isFull ? 10_000 : 1_000;
    const ledger = await bench.ledger('sqlite');
    const trial = new Trial(bench, ledger);
    try {
      const batch = { shutdownTimeoutMillis: 120_000 };
      const plan = { runs: records / EXECUTIONS_A_RUN, waits: true, batch };
      const writers = Array.from({ length: processes }, () => trial.start(plan));
      await Promise.all(writers.map((writer) => writer.report('ready')));
      for (const writer of writers) writer.tell('go');
      const faults = (await Promise.all(writers.map(closed))).flat();
      const settlement = await trial.settle();
      const [check] = await ledger.query('pragma integrity_check');
      const integrity = String(check?.integrity_check);
      if (integrity !== 'ok') faults.push(`the file is damaged: ${integrity}`);
      return {
        figures: { processes, integrity, ...figuresOf([settlement]) },
        faults: [...faults, ...faultsOf(settlement)],
      };
    } finally {
      await trial.dispose();
    }
  },
};

/** Many processes find no ledger, make it at the same moment and write to it. */
export const coldStart: Scenario = {
  name: 'cold-start',
  title: 'processes that make the same ledger at the same moment',
  dialects: DIALECTS,
  async run(bench: Bench, dialect): Promise<Finding> {
    const rounds = bench.isFull ? 100 : 1;
    const processes = bench.isFull ? 8 : 4;
    const settlements: Settlement[] = [];
    const faults: string[] = [];
    for (let round = 1; round <= rounds && faults.length === 0; round++) {
      const ledger = await bench.ledger(dialect);
      const trial = new Trial(bench, ledger, `r${round}w`);
      try {
        const batch = { shutdownTimeoutMillis: 60_000 };
        const writers = Array.from({ length: processes }, () => trial.start({ runs: 2, waits: true, batch }));
        await Promise.all(writers.map((writer) => writer.report('ready')));
        for (const writer of writers) writer.tell('go');
        faults.push(...(await Promise.all(writers.map(closed))).flat());
        const migrations = await countOf(
          ledger,
          'select count(*) - count(distinct name) from runledger_migrations',
        );
        if (migrations !== 0) faults.push('a migration was applied twice');
        settlements.push(await trial.settle());
        faults.push(...settlements.flatMap(faultsOf));
        bench.progress(round / rounds);
      } finally {
        await trial.dispose();
      }
    }
    return { figures: { coldStarts: rounds * processes, ...figuresOf(settlements) }, faults };
  },
};
