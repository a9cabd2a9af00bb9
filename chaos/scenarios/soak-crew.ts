import { setTimeout as sleep } from 'node:timers/promises';
import { identityFaults } from '../accounts.ts';
import { EXECUTIONS } from '../obligation.ts';
import type { WriterReport } from '../programs/plan.ts';
import { between, type Random } from '../seeded.ts';
import { type Trial, waitingOf } from '../trial.ts';
import type { WriterProcess } from '../writer-process.ts';

/** Runs of ten executions that a writer has at most; one that has done them makes way for another. */
const RUNS = 20_000;
/** How much longer than planned a soak may take before its first writer has nothing to do. */
const SPARE_MINUTES = 60;
/** Longer than it takes until a disk that failed is tried again. */
const SAFE_WITHIN_MILLIS = 120_000;

/** What a writer holds: descriptors, and bytes. */
export interface Held {
  readonly files: number;
  readonly heap: number;
  readonly rss: number;
}

/** Writers that share a load. The first of them lives as long as the soak: what it holds has to stay the same. */
export class SoakCrew {
  readonly #trial: Trial;
  readonly #rate: number;
  readonly #writers: WriterProcess[] = [];

  constructor(trial: Trial, writers: number, rate: number, minutes: number) {
    this.#trial = trial;
    this.#rate = rate / writers;
    const all = Math.ceil(((minutes + SPARE_MINUTES) * 60 * this.#rate) / EXECUTIONS);
    for (let place = 0; place < writers; place++) this.#writers.push(this.#start(place === 0 ? all : RUNS));
  }

  any(random: Random): WriterProcess {
    return this.#at(between(random, 0, this.#writers.length - 1));
  }

  /** Kills one that is not the first, and has another take its place. What is in memory alone nobody could bring home. */
  async replace(random: Random): Promise<void> {
    await this.untilSafe();
    const place = between(random, 1, this.#writers.length - 1);
    const victim = this.#at(place);
    victim.kill('SIGKILL');
    await victim.ended;
    this.#writers[place] = this.#start(RUNS);
  }

  /** Has those that have done their runs make way for others. */
  async relieve(): Promise<void> {
    for (const [place, writer] of this.#writers.entries()) {
      if (writer.acknowledged < writer.plan.runs * EXECUTIONS) continue;
      await writer.close();
      this.#writers[place] = this.#start(RUNS);
    }
  }

  /** Resolves when every writer has its records in files again. */
  async untilSafe(): Promise<void> {
    const deadline = performance.now() + SAFE_WITHIN_MILLIS;
    for (const writer of this.#writers) {
      while ((await writer.ask('state')).durability !== 'process') {
        if (performance.now() > deadline) throw new Error(`a writer keeps its records in memory for good`);
        await sleep(500);
      }
    }
  }

  /** What the first holds, and whether the accounts of all add up; both where a moment is right for it. */
  async look(when: string, faults: string[]): Promise<Held & { readonly waiting: number }> {
    const reports: WriterReport[] = [];
    for (const writer of this.#writers) reports.push(await writer.ask('state'));
    let waiting = 0;
    for (const report of reports) {
      const { accounts } = report;
      waiting += waitingOf(report);
      if (accounts !== undefined) faults.push(...identityFaults(when, accounts));
    }
    const [first] = reports;
    return { files: first?.files ?? 0, heap: first?.heap ?? 0, rss: first?.rss?.now ?? 0, waiting };
  }

  async close(): Promise<void> {
    for (const writer of this.#writers) writer.tell('stop');
    await Promise.all(this.#writers.map((writer) => writer.close()));
  }

  #at(place: number): WriterProcess {
    const writer = this.#writers[place];
    if (writer === undefined) throw new Error(`there is no writer ${place}`);
    return writer;
  }

  #start(runs: number): WriterProcess {
    return this.#trial.start({ runs, rate: this.#rate }, { node: ['--expose-gc'] });
  }
}
