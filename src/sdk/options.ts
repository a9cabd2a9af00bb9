import type { BatchOptions } from '../export/batch-options.ts';
import type { EnginesOptions } from '../instrumentation/engine-options.ts';
import type { CaptureInput } from '../lifecycle/lifecycle-settings.ts';
import type { ErrorClassifier } from '../lifecycle/outcome.ts';
import type { RecogniseOptions } from '../recognisers/recognise-options.ts';
import type { KeepPolicyOptions } from '../records/keep-policy.ts';
import type { RedactRecord } from '../records/redaction.ts';
import type { Durability, RecordStore, RetentionPolicy } from '../store/record-store.ts';
import type { StoreChoice } from './store-choice.ts';

/** A `/metrics` endpoint for Prometheus. */
export interface PrometheusOptions {
  /** @default 9464 */
  readonly port?: number;
  /** Address to listen on. Metrics carry the names of pipelines: widen it knowingly. @default '127.0.0.1' */
  readonly host?: string;
}

/** Bounds of the spool. */
export interface SpoolOptions {
  /** Bytes on disk; past them ok steps are given up first, and counted. @default 512 MiB */
  readonly maxBytes?: number;
}

/**
 * Everything Runledger can be told. What is given here wins over the `RUNLEDGER_*` environment. An unknown name or an
 * impossible value throws at start-up, naming what was expected.
 */
export interface RunledgerOptions {
  /** `false` leaves the SDK as it was: no records, no instrumentation. @default true */
  readonly enabled?: boolean;
  /** Folder of the default ledger file, and of the spools of stores that are no file. @default '.runledger' */
  readonly directory?: string;
  /**
   * Where records go: `sqlite:PATH`, `memory:` (lost with the process), `none` (spans and metrics alone), or a store
   * of your own. @default 'sqlite:' and `ledger.db` in `directory`
   */
  readonly store?: string | RecordStore;
  /**
   * What a record survives from the moment its execution ends: `process` the end of the process, however it ends, `os` a
   * power cut too, but for the last half second, `memory` neither. The first two write it to a spool on disk before `end()`
   * returns; where that can not be written, or there is no store but memory, it is `memory`. @default 'process'
   */
  readonly durability?: Durability;
  /** Bounds of the spool. */
  readonly spool?: SpoolOptions;
  /**
   * Whether the end of the process waits until what is queued is stored: 2 s at most when the event loop runs empty, 1 s on
   * `process.exit`. Otherwise it is left in the spool, for the next start. @default only with durability `memory`
   */
  readonly drainOnExit?: boolean;
  /** Which records of successful runs to keep. Failed, slow and forced runs are kept whole. @default all */
  readonly keep?: KeepPolicyOptions;
  /** Takes out of a record what must not be stored. */
  readonly redact?: RedactRecord;
  /**
   * What the store removes in the background: by default records of successful runs after 7 days, of failed runs after
   * 90, and beyond 1 GiB. `false` keeps everything.
   */
  readonly retention?: Partial<RetentionPolicy> | false;
  /** How records travel to the store. */
  readonly batch?: BatchOptions;
  /** Serves metrics over HTTP. Needs `@opentelemetry/exporter-prometheus` or sdk-node. @default false */
  readonly prometheus?: PrometheusOptions | boolean;
  /** Edges in seconds added to the buckets of the duration histogram: your objectives. @default [] */
  readonly slo?: readonly number[];
  /** Semantic conventions to emit beside our own names. @default [] */
  readonly semconv?: readonly 'cicd'[];
  /** The outcome an error stands for; `undefined` leaves it to the built-in rules. */
  readonly classifyError?: ErrorClassifier;
  /** Keeps inputs and outputs as bounded JSON, or the hash of inputs. Inputs carry personal data. @default false */
  readonly captureInput?: CaptureInput;
  /** Which engines are instrumented, and how. @default those that are installed */
  readonly engines?: EnginesOptions;
  /**
   * Which spans that other libraries make are executions: `false` for none, or rules on, off and of your own.
   * @default those of the libraries that are known
   */
  readonly recognise?: boolean | RecogniseOptions;
  /**
   * Executions listed as running at once, half a kilobyte each; beyond it the oldest leave the list and are no longer shown as
   * running, but are recorded at their end as any other. @default 10_000
   */
  readonly maxLiveExecutions?: number;
  /** Names of one kind that metrics tell apart; the rest are `_other`. @default 200 */
  readonly maxNames?: number;
}

/** The options, complete and checked. */
export interface ResolvedOptions {
  readonly enabled: boolean;
  readonly store: StoreChoice;
  readonly durability: Durability;
  /** Where the spool is; undefined with durability `memory`. */
  readonly spoolDirectory: string | undefined;
  readonly spool: SpoolOptions;
  /** Undefined: where the queue does not outlive the process. */
  readonly drainOnExit: boolean | undefined;
  readonly keep: KeepPolicyOptions;
  readonly redact: RedactRecord | undefined;
  readonly retention: Partial<RetentionPolicy> | false;
  readonly batch: BatchOptions;
  readonly prometheus: Required<PrometheusOptions> | false;
  readonly slo: readonly number[];
  readonly semconv: readonly 'cicd'[];
  readonly classifyError: ErrorClassifier | undefined;
  readonly captureInput: CaptureInput;
  readonly engines: EnginesOptions;
  readonly recognise: boolean | RecogniseOptions;
  /** Undefined leaves the default to the processor. */
  readonly maxLiveExecutions: number | undefined;
  readonly maxNames: number | undefined;
}
