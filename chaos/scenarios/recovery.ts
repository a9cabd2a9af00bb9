import { DatabaseSync } from 'node:sqlite';
import { setTimeout as sleep } from 'node:timers/promises';
import { DIALECTS, type Ledger } from '../ledgers/ledger.ts';
import type { Bench, Scenario } from '../scenario.ts';
import { between } from '../seeded.ts';
import { TcpProxy } from '../tcp-proxy.ts';
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
  dialects: DIALECTS,
  async run(bench, dialect) {
    const kills = bench.isFull ? 200 : 3;
    const settlements: Settlement[] = [];
    const faults: string[] = [];
    for (let killed = 0, round = 1; killed < kills && faults.length === 0; round++) {
      const ledger = await bench.ledger(dialect);
      const trial = new Trial(bench, ledger, `r${round}w`);
      const barrier = await bar(ledger, trial, bench);
      try {
        await trial.begin();
        await barrier.close();
        const victim = trial.start();
        await victim.until(LEFT);
        victim.kill('SIGKILL');
        await victim.ended;
        await barrier.open();
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
        await barrier.remove();
      }
    }
    return { figures: { kills, ...figuresOf(settlements) }, faults };
  },
};

/** Something that keeps writers from the store while it is closed. */
interface Barrier {
  close(): Promise<void>;
  open(): Promise<void>;
  remove(): Promise<void>;
}

/** A lock on the file, or a proxy that nobody gets through. */
async function bar(ledger: Ledger, trial: Trial, bench: Bench): Promise<Barrier> {
  if (ledger.server === undefined) {
    let lock: DatabaseSync | undefined;
    const open = async () => {
      lock?.close();
      lock = undefined;
    };
    const close = async () => {
      lock = new DatabaseSync(ledger.url.slice('sqlite:'.length), { timeout: 30_000 });
      lock.exec('begin immediate');
    };
    return { close, open, remove: open };
  }
  const proxy = await TcpProxy.open(ledger.server.port, bench.random);
  trial.store = ledger.urlThrough(proxy.port);
  return {
    close: async () => {
      proxy.mode = 'refuse';
    },
    open: async () => {
      proxy.mode = 'pass';
    },
    remove: () => proxy.close(),
  };
}
