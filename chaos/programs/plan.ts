import type { RecordAccounts } from 'runledger';

/** What a writer process does; it finds this as JSON in the variable `CHAOS_PLAN`. */
export interface WriterPlan {
  /** Its name, unique in a scenario: with a number it says what each record holds. */
  readonly writer: string;
  /** Store URL. */
  readonly store: string;
  /** Folder of the spool. */
  readonly directory: string;
  readonly durability: 'process' | 'os' | 'memory';
  /** Runs of ten executions. */
  readonly runs: number;
  /** Executions a second; 0 for as many as it can. */
  readonly rate: number;
  /** Options of the exporter, where the defaults are not what is tested. */
  readonly batch?: Readonly<Record<string, number>>;
  /** Waits for the command `go` before its first run. */
  readonly waits?: boolean;
}

/** What a writer tells the oracle on descriptor 3 beside the numbers of acknowledged executions. */
export interface WriterReport {
  readonly type: 'ready' | 'loaded' | 'state' | 'closed';
  /** Executions acknowledged so far. */
  readonly acknowledged?: number;
  readonly accounts?: RecordAccounts;
  /** Delay of the event loop since the last report of it, milliseconds. */
  readonly loop?: { readonly p50: number; readonly p99: number; readonly p999: number; readonly max: number };
  /** Resident memory, bytes: at its highest since the last report of it, and now. */
  readonly rss?: { readonly max: number; readonly now: number };
  /** How a record is kept at the moment. */
  readonly durability?: 'process' | 'os' | 'memory';
  /** Open file descriptors. */
  readonly files?: number;
  /** What the heap holds, bytes: after a collection where Node.js was started with `--expose-gc`. */
  readonly heap?: number;
  /** What `shutdown` returned. */
  readonly shutdown?: { readonly stored: number; readonly left: number; readonly dropped: number };
}

/**
 * Commands a writer takes on its standard input, one a line. `take files` opens files until there is no descriptor left,
 * `give files` closes them.
 */
export type WriterCommand = 'go' | 'stop' | 'state' | 'take files' | 'give files' | 'close';
