import type { Dialect, Ledger } from './ledgers/ledger.ts';
import type { Random } from './seeded.ts';

/** Thrown where the machine lacks what a scenario needs. Such a scenario counts as skipped, never as passed. */
export class Skipped extends Error {
  override readonly name = 'Skipped';
}

/** What a scenario is given. */
export interface Bench {
  /** Whether this is the full set, of the night, or the short one, of each change. */
  readonly isFull: boolean;
  readonly random: Random;
  /** An empty folder of its own, removed afterwards. */
  readonly folder: string;
  /** The project whose package is put to the test: this one, or a copy with a fault built in. */
  readonly root: string;
  /** A ledger without records. */
  ledger(dialect: Dialect): Promise<Ledger>;
  /** How long a scenario that can go on for ever is to go on; undefined where that was left to it. */
  readonly minutes: number | undefined;
  /** Says how much of the scenario is done, from 0 to 1, and, where it takes its time, what it does. */
  progress(share: number, what?: string): void;
}

/** What a scenario found. It has passed where there are no faults. */
export interface Finding {
  /** What was measured, by name, with the unit in the name. */
  readonly figures: Readonly<Record<string, number | string>>;
  /** Each a sentence: what should have held and did not. */
  readonly faults: readonly string[];
  /** Versions of databases that the scenario has started itself. */
  readonly versions?: readonly string[];
}

/** One thing that is proven. */
export interface Scenario {
  /** Short, for `--only`. */
  readonly name: string;
  /** What is done and what has to hold. */
  readonly title: string;
  /** Run once for each of these. @default once */
  readonly dialects?: readonly Dialect[];
  /** Left out of the short set. */
  readonly isLong?: true;
  run(bench: Bench, dialect: Dialect): Promise<Finding>;
}
