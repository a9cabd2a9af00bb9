import { execFile } from 'node:child_process';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { countOf, countWire, duplicatesOnWire, type Ledger } from './ledgers/ledger.ts';
import { type Judgement, Oracle } from './oracle.ts';
import type { WriterPlan, WriterReport } from './programs/plan.ts';
import type { Bench } from './scenario.ts';
import { type WriterOptions, WriterProcess } from './writer-process.ts';

/** What is known once the faults have stopped and everything was brought home. */
export interface Settlement extends Judgement {
  readonly drainSeconds: number;
  /** Records that were sent again although the ledger had them, where the wire is counted. */
  readonly sentAgain: number | undefined;
}

/** Short where a change waits for it. */
const DRAINED_WITHIN_MILLIS = { full: 300_000, short: 60_000 };
/** How long one writer is waited for before the next has its turn. */
const PATIENCE_MILLIS = 20_000;
/** Longer than the dead instance's lock or a retry takes, and no longer than a person would wait. */
const LOOK_MILLIS = 50;

/**
 * One ledger, the spool folder its writers share, and the oracle that holds what they are owed. First come load and
 * faults; then `settle` brings everything home, judges, and shows that a new writer has nothing to suffer from it.
 */
export class Trial {
  readonly oracle = new Oracle();
  readonly ledger: Ledger;
  readonly directory: string;
  /** Store URL of all writers; a spool belongs to one. */
  store: string;
  readonly #bench: Bench;
  readonly #name: string;
  readonly #writers = new Set<WriterProcess>();
  #count = 0;

  constructor(bench: Bench, ledger: Ledger, name = 'w') {
    this.#bench = bench;
    this.#name = name;
    this.ledger = ledger;
    this.store = ledger.url;
    this.directory = join(bench.folder, `spool-${name}`);
  }

  /** Has the ledger made, and every record that is sent to it counted, unless that would be too many. */
  async begin(isCounted = true): Promise<void> {
    const first = this.start({ runs: 1 });
    await first.report('loaded');
    await first.close();
    if (isCounted) await countWire(this.ledger);
  }

  /** Starts a writer; without a plan of its own it writes as fast as it can. */
  start(plan: Partial<WriterPlan> = {}, options: Partial<WriterOptions> = {}): WriterProcess {
    const writer = new WriterProcess(
      {
        writer: `${this.#name}${++this.#count}`,
        store: this.store,
        directory: this.directory,
        durability: 'process',
        runs: 2_000,
        rate: 0,
        ...plan,
      },
      this.oracle,
      { root: this.#bench.root, ...options },
    );
    this.#writers.add(writer);
    void writer.ended.then(() => this.#writers.delete(writer));
    return writer;
  }

  /** Drains, judges, and probes. All writers have ended before. */
  async settle(): Promise<Settlement> {
    const faults: string[] = [];
    const beganAt = performance.now();
    await this.#drain(faults);
    const drainSeconds = Math.round(performance.now() - beganAt) / 1_000;
    const probe = this.start({ runs: 20 });
    await probe.report('loaded');
    const { shutdown } = await probe.close();
    if (shutdown?.left !== 0 || shutdown.dropped !== 0)
      faults.push(`a fresh probe left ${JSON.stringify(shutdown)}`);
    const judgement = await this.oracle.judge(this.ledger);
    faults.push(...(await this.#verify()));
    const sentAgain = await duplicatesOnWire(this.ledger).catch(() => undefined);
    return { ...judgement, faults: [...faults, ...judgement.faults], drainSeconds, sentAgain };
  }

  /** Ends what a scenario that broke off has left running. */
  async dispose(): Promise<void> {
    for (const writer of this.#writers) writer.kill('SIGKILL');
    await Promise.all([...this.#writers].map((writer) => writer.ended));
  }

  /** What the ledger says of itself: its view of losses, and `runledger verify` where that can read it. */
  async #verify(): Promise<readonly string[]> {
    const missing = await countOf(this.ledger, 'select coalesce(sum(abs(missing)), 0) from lost_records');
    const faults = missing === 0 ? [] : [`the view lost_records misses ${missing}`];
    if (this.ledger.dialect !== 'sqlite') return faults;
    const cli = join(this.#bench.root, 'dist', 'cli.js');
    const env = { PATH: process.env.PATH, RUNLEDGER_STORE: this.ledger.url };
    const options = { cwd: this.#bench.folder, env, maxBuffer: 2 ** 28 };
    return await new Promise((resolve) => {
      execFile(process.execPath, [cli, 'verify', '--json'], options, (error, stdout, stderr) => {
        const isComplete = error === null && JSON.parse(stdout).is_complete === true;
        if (!isComplete) faults.push(`runledger verify: ${stderr.slice(0, 300)} ${stdout.slice(0, 300)}`);
        resolve(faults);
      });
    });
  }

  /** Writers that are there to take over what the others have left: one, or one after the other. */
  async #drain(faults: string[]): Promise<void> {
    const limit = this.#bench.isFull ? DRAINED_WITHIN_MILLIS.full : DRAINED_WITHIN_MILLIS.short;
    const deadline = performance.now() + limit;
    do {
      const drainer = this.start({ runs: 1 });
      await drainer.report('loaded');
      const patience = performance.now() + PATIENCE_MILLIS;
      while ((await this.#instances()) > 1 || waitingOf(await drainer.ask('state')) > 0) {
        if (performance.now() > Math.min(deadline, patience)) break;
        await sleep(LOOK_MILLIS);
      }
      await drainer.close();
    } while ((await this.#instances()) > 0 && performance.now() < deadline);
    const left = await this.#instances();
    if (left > 0) faults.push(`${left} instances are still in the spool after ${limit / 1_000} s`);
  }

  /** Folders of instances with records. One without any is what a removal left half done; it goes with a later start. */
  async #instances(): Promise<number> {
    let count = 0;
    for (const spool of await this.#spools()) {
      const entries = await readdir(spool, { withFileTypes: true }).catch(() => []);
      for (const entry of entries.filter((each) => each.isDirectory())) {
        const names = await readdir(join(spool, entry.name)).catch(() => []);
        if (names.some((name) => name.endsWith('.seg'))) count++;
      }
    }
    return count;
  }

  /** The folders of spools: beside the file of an SQLite ledger, in the folder of the writers for a server. */
  async #spools(): Promise<readonly string[]> {
    const folders = [this.directory, this.#bench.folder];
    const entries = await Promise.all(
      folders.map((folder) => readdir(folder, { withFileTypes: true }).catch(() => [])),
    );
    return entries
      .flat()
      .filter((entry) => entry.isDirectory() && entry.name.endsWith('.spool'))
      .map((entry) => join(entry.parentPath, entry.name));
  }
}

/** Records that are not in the store yet, in memory or on disk. */
export function waitingOf({ accounts }: WriterReport): number {
  if (accounts === undefined) throw new Error('a report without accounts');
  return accounts.queued + ('spooled' in accounts ? Number(accounts.spooled) : 0);
}

/** Faults of a settlement in which nothing may be lost, refused or invented. */
export function faultsOf(settlement: Settlement): readonly string[] {
  const { lost, duplicates, spurious, wrong, unaccounted, faults } = settlement;
  const counts = { lost, duplicates, spurious, wrong, unaccounted };
  const sum = Object.values(counts).reduce((total, count) => total + count, 0);
  return sum === 0 ? faults : [JSON.stringify(counts), ...faults];
}

/** The figures of settlements, added up. */
export function figuresOf(settlements: readonly Settlement[]): Record<string, number> {
  const sum = (of: (settlement: Settlement) => number) =>
    settlements.reduce((total, settlement) => total + of(settlement), 0);
  return {
    acknowledged: sum((s) => s.acknowledged),
    lost: sum((s) => s.lost),
    duplicates: sum((s) => s.duplicates),
    spurious: sum((s) => s.spurious),
    wrong: sum((s) => s.wrong),
    unaccounted: sum((s) => s.unaccounted),
    sentAgain: sum((s) => s.sentAgain ?? 0),
  };
}
