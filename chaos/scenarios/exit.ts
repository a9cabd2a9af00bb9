import { join } from 'node:path';
import { Oracle } from '../oracle.ts';
import { HOST_ENDS, type HostEnd } from '../programs/host.ts';
import type { Bench, Finding, Scenario } from '../scenario.ts';
import { faultsOf, figuresOf, Trial } from '../trial.ts';
import { WriterProcess } from '../writer-process.ts';

/** The heap's last words carry addresses and times. */
const OUTPUT_DIFFERS: ReadonlySet<HostEnd> = new Set(['abort', 'out of memory']);
const RUNS = 20;

/** Every way a process can end, with and without us: nobody but the ledger may notice. */
export const exit: Scenario = {
  name: 'exit',
  title: 'each way a process can end, with and without the ledger: same code, same output, every record kept',
  async run(bench): Promise<Finding> {
    const ledger = await bench.ledger('sqlite');
    const trial = new Trial(bench, ledger);
    const rounds = bench.isFull ? 10 : 1;
    const faults: string[] = [];
    const added: number[] = [];
    try {
      for (const [index, end] of HOST_ENDS.entries()) {
        const node = end === 'out of memory' ? ['--max-old-space-size=32'] : [];
        for (let round = 0; round < rounds; round++) {
          const plain = await measured(without(bench, end, node));
          const host = trial.start(
            { runs: RUNS },
            {
              program: 'host.ts',
              node: [...node, '--import', join(bench.root, 'dist', 'register.js')],
              env: {
                CHAOS_END: end,
                RUNLEDGER_STORE: ledger.url,
                RUNLEDGER_DIR: trial.directory,
                RUNLEDGER_RETENTION: 'off',
              },
            },
          );
          const kept = await measured(host);
          faults.push(...differences(end, plain.end, kept.end));
          if (host.acknowledged !== RUNS * 10)
            faults.push(`${end}: only ${host.acknowledged} were acknowledged`);
          added.push(kept.endMillis - plain.endMillis);
        }
        bench.progress((index + 1) / HOST_ENDS.length);
      }
      const settlement = await trial.settle();
      added.sort((a, b) => a - b);
      const median = Math.round(added[Math.floor(added.length / 2)] ?? 0);
      return {
        figures: { ways: HOST_ENDS.length, addedMedianMs: median, ...figuresOf([settlement]) },
        faults: [...faults, ...faultsOf(settlement)],
      };
    } finally {
      await trial.dispose();
    }
  },
};

/** The same host without a ledger, with an oracle that nobody asks. */
function without({ root }: Bench, end: HostEnd, node: readonly string[]): WriterProcess {
  const plan = {
    writer: 'plain',
    store: '',
    directory: '',
    durability: 'memory',
    runs: RUNS,
    rate: 0,
  } as const;
  return new WriterProcess(plan, new Oracle(), { root, program: 'host.ts', node, env: { CHAOS_END: end } });
}

/** How a host ended, and how long that took after its last execution. */
async function measured(host: WriterProcess) {
  await host.until(RUNS * 10);
  const lastAt = performance.now();
  const end = await host.ended;
  return { end, endMillis: performance.now() - lastAt };
}

type Ending = Awaited<WriterProcess['ended']>;

function differences(way: HostEnd, plain: Ending, kept: Ending): readonly string[] {
  const fields = OUTPUT_DIFFERS.has(way)
    ? (['exitCode', 'signal', 'stdout'] as const)
    : (['exitCode', 'signal', 'stdout', 'stderr'] as const);
  return fields.flatMap((field) => {
    if (plain[field] === kept[field]) return [];
    return [`${way}: ${field} was ${JSON.stringify(plain[field])} and is ${JSON.stringify(kept[field])}`];
  });
}
