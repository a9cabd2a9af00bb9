import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Dialect, Ledger, ServerDialect } from './ledgers/ledger.ts';
import { sqliteLedger } from './ledgers/sqlite.ts';
import { type Bench, type Finding, type Scenario, Skipped } from './scenario.ts';
import { hashOf, seeded } from './seeded.ts';

/** What came of one scenario. */
export interface Result {
  readonly scenario: string;
  readonly title: string;
  readonly outcome: 'passed' | 'failed' | 'skipped';
  readonly figures: Finding['figures'];
  /** What failed, or why it was skipped. */
  readonly reasons: readonly string[];
  /** Versions of databases that the scenario has started itself. */
  readonly versions: readonly string[];
  readonly seconds: number;
  /** Runs it again as it was. */
  readonly seed: number;
}

/** Whether the full set is run, by which seed, and of which project. */
export interface BenchOptions {
  readonly isFull: boolean;
  readonly seed: number;
  readonly root: string;
  readonly minutes?: number;
  readonly onProgress: (share: number, what?: string) => void;
}

/** Runs scenarios, with database servers that are started once and emptied between them. */
export class Laboratory {
  readonly #servers = new Map<Dialect, Promise<Ledger>>();

  async run(scenario: Scenario, dialect: Dialect, options: BenchOptions): Promise<Result> {
    const name = scenario.dialects === undefined ? scenario.name : `${scenario.name}-${dialect}`;
    const { isFull, seed, root, minutes, onProgress } = options;
    const folder = await mkdtemp(join(tmpdir(), 'runledger-chaos-'));
    const bench: Bench = {
      isFull,
      root,
      folder,
      random: seeded(hashOf(`${name}:${seed}`)),
      minutes,
      progress: onProgress,
      ledger: (of) => this.#ledger(of, folder),
    };
    const startedAt = performance.now();
    const report = (
      outcome: Result['outcome'],
      figures: Finding['figures'],
      reasons: readonly string[],
      versions: readonly string[] = [],
    ): Result => {
      const seconds = Math.round((performance.now() - startedAt) / 100) / 10;
      return { scenario: name, title: scenario.title, outcome, figures, reasons, versions, seconds, seed };
    };
    try {
      const { figures, faults, versions } = await scenario.run(bench, dialect);
      return report(faults.length === 0 ? 'passed' : 'failed', figures, faults, versions);
    } catch (error) {
      if (error instanceof Skipped) return report('skipped', {}, [error.message]);
      return report('failed', {}, [error instanceof Error ? (error.stack ?? error.message) : String(error)]);
    } finally {
      if (process.env.CHAOS_KEEP !== undefined) process.stderr.write(`${folder}\n`);
      else await rm(folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 });
    }
  }

  async dispose(): Promise<void> {
    const started = await Promise.allSettled(this.#servers.values());
    for (const server of started) if (server.status === 'fulfilled') await server.value.dispose();
  }

  /** The version of the database that was used; none where its server could not be started. */
  async versions(dialect: Dialect): Promise<readonly string[]> {
    if (dialect === 'sqlite') return [`SQLite ${process.versions.sqlite}`];
    const [server] = await Promise.allSettled([this.#servers.get(dialect)]);
    return server?.status === 'fulfilled' && server.value !== undefined ? [server.value.version] : [];
  }

  async #ledger(dialect: Dialect, folder: string): Promise<Ledger> {
    if (dialect === 'sqlite') {
      const ledger = sqliteLedger(folder);
      await mkdir(folder, { recursive: true });
      await ledger.reset();
      return ledger;
    }
    let server = this.#servers.get(dialect);
    if (server === undefined) {
      server = startLedger(dialect);
      this.#servers.set(dialect, server);
    }
    const ledger = await server;
    await ledger.reset();
    return ledger;
  }
}

/** The clients are loaded where they are used: whoever tests SQLite alone needs none. */
async function startLedger(dialect: ServerDialect): Promise<Ledger> {
  if (dialect === 'postgres') return (await import('./ledgers/postgres.ts')).postgresLedger();
  return (await import('./ledgers/mysql.ts')).mysqlLedger(dialect);
}
