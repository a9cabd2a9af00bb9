import type { Progress } from './progress.ts';
import type { Warehouse } from './warehouse.ts';

/** What the pipelines of one night work with. */
export interface Night {
  /** URL of the archive the data comes from. */
  readonly archive: string;
  /** Where the data goes. */
  readonly warehouse: Warehouse;
  readonly progress: Progress;
  readonly reportPath: string;
}

/** The business unit of tonight's runs: the same for every attempt at this night's work. */
export function correlationOf(pipeline: string): string {
  return `${pipeline}-${new Date().toISOString().slice(0, 10)}`;
}
