import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { freePort } from '../../test/support/free-port.ts';
import { countOf, type Row } from '../ledgers/ledger.ts';
import { type EndlessReport, PARTS } from '../programs/endless.ts';
import type { Scenario } from '../scenario.ts';
import { faultsOf, figuresOf, Trial } from '../trial.ts';

/** What a process may grow by that leaks, from one that starts as much and ends all of it. */
const MOST_GROWTH_MB = 50;
/** What may be alive in its heap beyond. */
const MOST_ALIVE_MB = 20;
/** What of its starts may be in the spool at once. */
const MOST_SPOOL_MB = 64;

const isEndless = ({ name }: Row): boolean => String(name).startsWith('endless ');

/** Nobody ends them and nobody refers to them; what is known of them has to be bounded, and what is beside them right. */
export const neverEnded: Scenario = {
  name: 'never-ended',
  title:
    'executions and spans that are started and never ended, with ordinary runs beside: memory stays flat',
  isLong: true,
  async run(bench) {
    const starts = bench.isFull ? 10_000_000 : 300_000;
    const ledger = await bench.ledger('sqlite');
    const trial = new Trial(bench, ledger);
    trial.oracle.leaveOut(isEndless);
    const faults: string[] = [];
    let spoolBytes = 0;
    const watch = setInterval(async () => {
      spoolBytes = Math.max(spoolBytes, await bytesIn(`${ledger.url.slice('sqlite:'.length)}.spool`));
    }, 100);
    try {
      await trial.begin();
      const port = await freePort();
      const env = { CHAOS_STARTS: String(starts), CHAOS_PORT: String(port) };
      const host = trial.start({ runs: starts / 500 }, { program: 'endless.ts', env, node: ['--expose-gc'] });
      const warm = (await host.report('ready')) as EndlessReport;
      let rss = 0;
      for (let part = 0; part < PARTS; part++) {
        const { rss: memory } = await host.report('state');
        rss = Math.max(rss, memory?.max ?? 0);
        bench.progress((part + 1) / (PARTS + 2));
      }
      const loaded = (await host.report('loaded')) as EndlessReport;
      clearInterval(watch);
      rss = Math.max(rss, loaded.rss?.max ?? 0);
      const scrape = await (await fetch(`http://127.0.0.1:${port}/metrics`)).text();
      const evicted = Number(/^runledger_executions_evicted_total\S* (\d+)/m.exec(scrape)?.[1]);
      host.tell('close');
      const { accounts, shutdown, ...end } = (await host.report('closed')) as EndlessReport;
      const { exitCode, stderr } = await host.ended;
      if (exitCode !== 0 || stderr !== '') faults.push(`it ended with ${exitCode}: ${stderr.slice(0, 500)}`);
      faults.push(...end.thrown.map((text) => `it threw into the application: ${text}`));
      const settlement = await trial.settle();

      const rssGrowthMb = Math.max(0, Math.round((rss - (warm.rss?.max ?? 0)) / 2 ** 20));
      const aliveGrowthMb = Math.max(0, Math.round((loaded.heap - warm.heap) / 2 ** 20));
      const spoolPeakMb = Math.round(spoolBytes / 2 ** 20);
      const { hooks, suspended, ...others } = end.neverEnded;
      const given = (type: string) =>
        countOf(ledger, `select count(*) from execution_records where name like 'endless %' and ${type}`);
      const abandoned = await given("outcome = 'error' and error_type <> 'interrupted'");
      const stillOpen = await given("state <> 'ended'");
      if (rssGrowthMb >= MOST_GROWTH_MB) faults.push(`memory grew by ${rssGrowthMb} MB`);
      if (aliveGrowthMb >= MOST_ALIVE_MB) faults.push(`${aliveGrowthMb} MB more are alive`);
      if (spoolPeakMb >= MOST_SPOOL_MB) faults.push(`the spool took ${spoolPeakMb} MB`);
      if (abandoned !== hooks - end.openHooks)
        faults.push(`${abandoned} of ${hooks - end.openHooks} that the hooks gave up are recorded so`);
      if (stillOpen !== suspended)
        faults.push(`${stillOpen} rows have not ended; ${suspended} were suspended`);
      if (shutdown?.left !== 0 || shutdown.dropped !== 0 || accounts?.stored !== accounts?.created)
        faults.push(`not all were stored: ${JSON.stringify({ shutdown, accounts })}`);
      faults.push(...faultsOf(settlement));
      const neverEnded = hooks + suspended + others.handles + others.promises + others.spans;
      return {
        figures: {
          neverEnded,
          rssGrowthMb,
          aliveGrowthMb,
          rssWarmMb: Math.round((warm.rss?.max ?? 0) / 2 ** 20),
          rssEndMb: Math.round((end.rss?.now ?? 0) / 2 ** 20),
          live: loaded.live,
          evicted,
          spoolPeakMb,
          scrapedKb: Math.round(scrape.length / 1_024),
          loopP99Ms: loaded.loop?.p99 ?? 0,
          loopMaxMs: loaded.loop?.max ?? 0,
          ...figuresOf([settlement]),
        },
        faults,
      };
    } finally {
      clearInterval(watch);
      await trial.dispose();
    }
  },
};

/** Bytes of all files of a spool. */
async function bytesIn(spool: string): Promise<number> {
  let bytes = 0;
  for (const name of await readdir(spool, { recursive: true }).catch(() => [])) {
    bytes += await stat(join(spool, name)).then(
      (entry) => (entry.isFile() ? entry.size : 0),
      () => 0,
    );
  }
  return bytes;
}
