import { existsSync, globSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { countOf } from '../ledgers/ledger.ts';
import { type Scenario, Skipped } from '../scenario.ts';
import { oneOf } from '../seeded.ts';
import { faultsOf, figuresOf, Trial } from '../trial.ts';

const LIBRARY = globSync('/usr/lib/*/faketime/libfaketimeMT.so.1')[0];
/** Seconds the clock is off: an hour, a day, ten years, to both sides. */
const JUMPS = [3_600, -3_600, 86_400, -86_400, 315_360_000, -315_360_000, 0] as const;

/** The wall clock jumps while executions run; the monotonic clock goes on, as it does on a real machine. */
export const clock: Scenario = {
  name: 'clock',
  title: 'the wall clock jumps by hours, days and years',
  async run(bench) {
    if (LIBRARY === undefined || !existsSync(LIBRARY)) throw new Skipped('libfaketime is not installed');
    const ledger = await bench.ledger('sqlite');
    const trial = new Trial(bench, ledger);
    const jumps = bench.isFull ? 200 : 10;
    const file = join(bench.folder, 'clock');
    await writeFile(file, '+0');
    const env = {
      LD_PRELOAD: LIBRARY,
      FAKETIME_TIMESTAMP_FILE: file,
      FAKETIME_DONT_FAKE_MONOTONIC: '1',
      FAKETIME_NO_CACHE: '1',
    };
    try {
      const writer = trial.start({ rate: 1_000, runs: 1e5 }, { env });
      await writer.until(1);
      const beganAt = performance.now();
      for (let jump = 0; jump < jumps; jump++) {
        const seconds = JUMPS[jump] ?? oneOf(bench.random, JUMPS);
        await writeFile(file, `${seconds < 0 ? '' : '+'}${seconds}`);
        await sleep(150);
        bench.progress(jump / jumps);
      }
      writer.tell('stop');
      await writer.report('loaded');
      await writer.close();
      const longest = Math.ceil(performance.now() - beganAt);
      const settlement = await trial.settle();
      const impossible = await countOf(
        ledger,
        `select count(*) from execution_records where duration_ms < 0 or duration_ms > ${longest} or ended_at < started_at`,
      );
      const faults = impossible === 0 ? [] : [`${impossible} durations are impossible`];
      return {
        figures: { jumps, impossibleDurations: impossible, ...figuresOf([settlement]) },
        faults: [...faults, ...faultsOf(settlement)],
      };
    } finally {
      await trial.dispose();
    }
  },
};
