import { setTimeout as sleep } from 'node:timers/promises';
import { SERVER_DIALECTS } from '../ledgers/ledger.ts';
import { signalTree } from '../process-tree.ts';
import type { Scenario } from '../scenario.ts';
import { between, oneOf } from '../seeded.ts';
import { type ProxyMode, TcpProxy } from '../tcp-proxy.ts';
import { faultsOf, figuresOf, Trial } from '../trial.ts';

const MODES = ['delay', 'stall', 'reset', 'half-close', 'drip', 'garbage', 'refuse'] as const;

/** Every kind of bad network in turn, then in the order the seed says, with good spells between. */
export const network: Scenario = {
  name: 'network',
  title: 'connections that are slow, stall, are cut, half closed, dripped or fed garbage',
  dialects: SERVER_DIALECTS,
  async run(bench, dialect) {
    const ledger = await bench.ledger(dialect);
    const { server } = ledger;
    if (server === undefined) throw new Error(`${dialect} has no connection`);
    const proxy = await TcpProxy.open(server.port, bench.random);
    const trial = new Trial(bench, ledger);
    trial.store = ledger.urlThrough(proxy.port);
    try {
      await trial.begin();
      const writer = trial.start({ rate: 2_000, runs: 1e5 });
      await writer.until(1);
      const spells: ProxyMode[] = [...MODES];
      if (bench.isFull) for (let more = 0; more < 100; more++) spells.push(oneOf(bench.random, MODES));
      for (const [index, mode] of spells.entries()) {
        proxy.mode = mode;
        await sleep(between(bench.random, 200, mode === 'stall' ? 3_000 : 1_500));
        proxy.mode = 'pass';
        await sleep(between(bench.random, 100, 500));
        bench.progress(index / spells.length);
      }
      writer.tell('stop');
      const { loop } = await writer.report('loaded');
      await writer.close();
      const settlement = await trial.settle();
      const megabytes = Math.round(proxy.bytes.sent / 2 ** 20);
      return {
        figures: {
          spells: spells.length,
          sentMb: megabytes,
          loopP99Ms: loop?.p99 ?? 0,
          ...figuresOf([settlement]),
        },
        faults: faultsOf(settlement),
      };
    } finally {
      await trial.dispose();
      await proxy.close();
    }
  },
};

/** SIGSTOP and SIGCONT: of the writer, of the database with all its processes, and of both at once. */
export const pause: Scenario = {
  name: 'pause',
  title: 'the writer, the database, or both stand still for seconds and go on',
  dialects: SERVER_DIALECTS,
  async run(bench, dialect) {
    const ledger = await bench.ledger(dialect);
    const { server } = ledger;
    if (server === undefined) throw new Error(`${dialect} has no process`);
    const trial = new Trial(bench, ledger);
    const spells = bench.isFull ? 60 : 4;
    try {
      const writer = trial.start({ rate: 1_000, runs: 1e5 });
      await writer.until(1);
      for (let spell = 0; spell < spells; spell++) {
        const stopsWriter = spell % 3 !== 1;
        const stopsServer = spell % 3 !== 0;
        if (stopsServer) signalTree(server.pid, 'SIGSTOP');
        if (stopsWriter) writer.kill('SIGSTOP');
        await sleep(between(bench.random, 300, bench.isFull ? 8_000 : 1_500));
        if (stopsWriter) writer.kill('SIGCONT');
        if (stopsServer) signalTree(server.pid, 'SIGCONT');
        await sleep(between(bench.random, 100, 500));
        bench.progress(spell / spells);
      }
      writer.tell('stop');
      await writer.report('loaded');
      await writer.close();
      const settlement = await trial.settle();
      return { figures: { spells, ...figuresOf([settlement]) }, faults: faultsOf(settlement) };
    } finally {
      signalTree(server.pid, 'SIGCONT');
      await trial.dispose();
    }
  },
};

/** The server ends our connections, idle and busy ones: `pg_terminate_backend`, `kill`. */
export const terminate: Scenario = {
  name: 'terminate',
  title: 'the server ends connections, idle ones and busy ones',
  dialects: SERVER_DIALECTS,
  async run(bench, dialect) {
    const ledger = await bench.ledger(dialect);
    const trial = new Trial(bench, ledger);
    const rounds = bench.isFull ? 200 : 15;
    let terminated = 0;
    try {
      await trial.begin();
      const busy = trial.start({ rate: 5_000, runs: 1e5 });
      const idle = trial.start({ runs: 1 });
      await busy.until(1);
      await idle.report('loaded');
      for (let round = 0; round < rounds; round++) {
        terminated += await endConnections(dialect, ledger.query);
        await sleep(between(bench.random, 20, 200));
        bench.progress(round / rounds);
      }
      idle.tell('state');
      await idle.report('state');
      busy.tell('stop');
      await busy.report('loaded');
      await Promise.all([busy.close(), idle.close()]);
      const settlement = await trial.settle();
      const faults = terminated > 0 ? [] : ['no connection was ever ended'];
      return {
        figures: { terminated, ...figuresOf([settlement]) },
        faults: [...faults, ...faultsOf(settlement)],
      };
    } finally {
      await trial.dispose();
    }
  },
};

type Query = (sql: string) => Promise<readonly Readonly<Record<string, unknown>>[]>;

async function endConnections(dialect: string, query: Query): Promise<number> {
  if (dialect === 'postgres') {
    const ended = await query(
      'select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()',
    );
    return ended.length;
  }
  // MySQL can not always say in `information_schema.processlist` what the others are at.
  const processes = await query('show processlist');
  const others = processes.filter(({ User, Info }) => User === 'ledger' && Info !== 'show processlist');
  for (const { Id } of others) await query(`kill ${Number(Id)}`).catch(() => {});
  return others.length;
}
