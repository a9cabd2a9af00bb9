import type { ExecutionKind, ExecutionState, Outcome, RejectionReason } from '../execution.ts';

/** Version of the row's meaning. Grows when a column changes its sense, not when one is added. */
export const RECORD_SCHEMA_VERSION = 1;

/**
 * Why the keep policy kept a record: `all` (rate 1), `sampled` (its run was drawn), `failure` (its run has one),
 * `slow`, `forced`, `run` (run-level rows are always kept).
 */
export type KeepReason = 'all' | 'sampled' | 'failure' | 'slow' | 'forced' | 'run';

/** Marks on a record that something about it is not as it should be. */
export type RecordFlag =
  /** The span was seen ending only: the processor was added mid-run. */
  | 'start_missing'
  /** It ended after its parent did. */
  | 'late'
  /** A field was cut to its bound. */
  | 'truncated'
  /** A character no SQL store can keep was replaced. */
  | 'sanitized'
  /** The clock stepped, or a time made no sense. */
  | 'clock_suspect'
  /** The redaction hook failed, so free text and attributes were left out. */
  | 'redaction_failed'
  /** Its parent runs in another process, so a failure reaches the parent's row in the store. */
  | 'remote_parent';

/** Who wrote a record: the same for every record of a process, so it is shared. */
export interface RecordSource {
  readonly serviceName: string;
  readonly serviceVersion?: string;
  /** `service.instance.id` of the resource, where it has one. Whoever deploys the service says what it stands for. */
  readonly serviceInstanceId?: string;
  readonly host: string;
  readonly pid: number;
}

/** A failed execution that another one's failure is traced to. */
export interface FailedStepRef {
  readonly name: string;
  readonly recordId: string;
}

/**
 * One execution, as one row of `execution_records`. Absent is `undefined` here and NULL in the row. Times are
 * milliseconds since the Unix epoch, fractional to the microsecond; durations are milliseconds.
 */
export interface ExecutionRecord {
  /** Time-ordered key, see `record-id.ts`. */
  readonly recordId: string;
  /** Revision: the highest one of a `recordId` wins. */
  readonly rev: number;
  /**
   * The ledger's own id of the exporter that took the record in, unique for each process life and thread. Empty until
   * then. A user's `service.instance.id` would not do: it may outlive the process, and `seq` starts over with each.
   */
  instanceId: string;
  /**
   * Gapless number of the ended record in its instance, 1, 2, …: what is missing in the store was lost. 0 on rows that
   * say what runs or is suspended, and until the exporter took the record in.
   */
  seq: number;
  readonly kind: ExecutionKind;
  readonly name: string;
  /** The nearest enclosing pipeline, or the pipeline's own name. */
  readonly pipeline?: string | undefined;
  readonly version?: string;
  readonly definitionHash?: string;
  readonly runId: string;
  readonly parentRecordId?: string | undefined;
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId?: string | undefined;
  readonly correlationId?: string | undefined;
  readonly attempt: number;
  /** Whether no further attempt follows; undefined where nobody said. */
  readonly final?: boolean;
  readonly tenant?: string | undefined;
  readonly state: ExecutionState;
  readonly outcome?: Outcome | undefined;
  readonly startedAt: number;
  readonly endedAt?: number | undefined;
  readonly durationMs?: number | undefined;
  readonly waitMs?: number;
  readonly suspendedMs?: number;

  /** The error in one line: `type: message`. */
  error?: string;
  errorType?: string;
  errorCode?: string;
  errorMessage?: string;
  /** On the record of the execution that failed first; parents that failed with the same error point to it. */
  errorStack?: string;
  /** JSON: `[{type, message, code}]`, outermost first, through `cause` and `AggregateError.errors`. */
  errorChain?: string;
  /** Groups failures with the same cause; see `error-details.ts`. */
  errorFingerprint?: string;
  /** Name of the execution below this one that its failure started at. */
  readonly failedStep?: string;
  readonly failedRecordId?: string;
  /** JSON: `[{name, record_id}]`, at most 8 failed children that this failure is linked to. */
  readonly failedSteps?: string;
  /** How many failed children this failure is linked to. */
  readonly failedCount?: number;
  /** How many failed children did not make this execution fail. */
  readonly recoveredFailures: number;
  /** How many failed children in other processes did not make this execution fail. Only the store learns of those. */
  readonly remoteFailures?: number;

  readonly rejectionReason?: RejectionReason;
  /** JSON: `{detail, limit, current}`. */
  readonly rejectionDetail?: string;
  skipReason?: string;
  keepReason: KeepReason;
  /** Probability with which a record like this one was kept; 1/sampleRate is its weight. */
  sampleRate: number;

  /** JSON: `[{at, kind, ref}]`, the first and the last moments. */
  timeline?: string;
  readonly timelineTotal?: number;
  readonly checkpointCount?: number;
  readonly interruptCount?: number;
  readonly workUnits?: number;
  readonly rowsIn?: number;
  readonly rowsOut?: number;
  /** JSON array of strings, or one string. */
  source?: string;
  target?: string;
  input?: string;
  inputHash?: string;
  output?: string;
  readonly costUsdMicros?: number;
  readonly tokensIn?: number;
  readonly tokensOut?: number;
  readonly tokensCacheRead?: number;
  readonly tokensCacheWrite?: number;
  readonly workerId?: string;
  /** JSON object of the span's attributes that have no column. */
  attributes?: string;
  /** Marks, in the order they were set; undefined where there are none. */
  flags?: readonly RecordFlag[];
  readonly writer: RecordSource;
}
