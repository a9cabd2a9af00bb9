import { freePort } from '../../test/support/free-port.ts';
import { countOf } from '../ledgers/ledger.ts';
import { type NamesReport, PARTS } from '../programs/names.ts';
import type { Bench, Scenario } from '../scenario.ts';
import { Trial } from '../trial.ts';

/** What may be alive in its heap beyond what is when every name that gets a series has one. */
const MOST_ALIVE_MB = 20;
/** What may be scraped where metrics tell few names apart. */
const FEW_NAMES = 8;
const MOST_SCRAPED_KB = 200;

interface Found {
  readonly rssGrowthMb: number;
  readonly aliveGrowthMb: number;
  readonly scrapedEarlyKb: number;
  readonly scrapedKb: number;
}

/** Names without end: the ledger has all of them, the metrics the first, and memory neither. */
export const names: Scenario = {
  name: 'names',
  title:
    'pipelines, steps and errors of which none has a name that was there before: metrics and memory stay bounded',
  isLong: true,
  async run(bench) {
    const distinct = bench.isFull ? 1_000_000 : 40_000;
    const faults: string[] = [];
    const found = await record(bench, distinct / 2, {}, faults);
    bench.progress(0.8);
    const few = await record(bench, distinct / 20, { CHAOS_MAX_NAMES: String(FEW_NAMES) }, faults);
    if (found.aliveGrowthMb >= MOST_ALIVE_MB) faults.push(`${found.aliveGrowthMb} MB more are alive`);
    if (found.scrapedKb > found.scrapedEarlyKb * 1.1)
      faults.push(`/metrics grew from ${found.scrapedEarlyKb} KB to ${found.scrapedKb} KB`);
    if (few.scrapedKb >= MOST_SCRAPED_KB)
      faults.push(`/metrics has ${few.scrapedKb} KB with maxNames ${FEW_NAMES}`);
    const { rssGrowthMb, aliveGrowthMb, scrapedKb } = found;
    return {
      figures: {
        names: distinct,
        rssGrowthMb,
        aliveGrowthMb,
        scrapedKb,
        [`scrapedKbOf${FEW_NAMES}Names`]: few.scrapedKb,
      },
      faults,
    };
  },
};

async function record(
  bench: Bench,
  runs: number,
  env: Readonly<Record<string, string>>,
  faults: string[],
): Promise<Found> {
  const ledger = await bench.ledger('sqlite');
  const trial = new Trial(bench, ledger);
  try {
    const port = await freePort();
    const host = trial.start(
      { runs },
      { program: 'names.ts', env: { CHAOS_PORT: String(port), ...env }, node: ['--expose-gc'] },
    );
    await host.report('state');
    const scrapedEarlyKb = await scrapedKbOf(port);
    // By then there is a series for every name that gets one, and a scrape has left its own garbage.
    const warm = (await host.report('state')) as NamesReport;
    for (let part = 2; part < PARTS; part++) await host.report('state');
    const loaded = (await host.report('loaded')) as NamesReport;
    const scrapedKb = await scrapedKbOf(port);
    const { shutdown } = await host.close();
    const { exitCode, stderr } = await host.ended;
    if (exitCode !== 0 || stderr !== '') faults.push(`it ended with ${exitCode}: ${stderr.slice(0, 500)}`);
    if (shutdown?.left !== 0 || shutdown.dropped !== 0) faults.push(`it left ${JSON.stringify(shutdown)}`);
    const stored = await countOf(ledger, 'select count(distinct name) from execution_records');
    if (stored !== runs * 2) faults.push(`${stored} of ${runs * 2} names are stored`);
    const grown = (loaded.rss?.max ?? 0) - (warm.rss?.max ?? 0);
    const mbOf = (bytes: number) => Math.max(0, Math.round(bytes / 2 ** 20));
    return {
      rssGrowthMb: mbOf(grown),
      aliveGrowthMb: mbOf(loaded.heap - warm.heap),
      scrapedEarlyKb,
      scrapedKb,
    };
  } finally {
    await trial.dispose();
  }
}

/** What Prometheus is given. */
async function scrapedKbOf(port: number): Promise<number> {
  const response = await fetch(`http://127.0.0.1:${port}/metrics`);
  return Math.round((await response.text()).length / 1_024);
}
