import type { RecordExporter } from '../export/record-exporter.ts';
import type { RecogniseOptions } from '../recognisers/recognise-options.ts';
import type { KeepPolicyOptions } from '../records/keep-policy.ts';
import type { RedactRecord } from '../records/redaction.ts';

/** Options of an `ExecutionSpanProcessor`. */
export interface ExecutionSpanProcessorOptions {
  /** Takes the records to their store. */
  readonly exporter: RecordExporter;
  /** Which records are kept. Failures always are. @default all */
  readonly keep?: KeepPolicyOptions;
  /** Takes out of a record what must not be stored. */
  readonly redact?: RedactRecord;
  /**
   * Executions listed as running at once, half a kilobyte each; beyond it the oldest leave the list and are no longer shown as
   * running, but are recorded at their end as any other. @default 10_000
   */
  readonly maxLiveExecutions?: number;
  /** Which attributes without a column of their own are kept in the `attributes` column. @default true */
  readonly captureAttributes?: boolean | ((name: string) => boolean);
  /** Whether records keep the stack of their error. @default true */
  readonly captureStack?: boolean;
  /** Which spans of other libraries are executions. `false`: none. @default those of the libraries that are known */
  readonly recognise?: boolean | RecogniseOptions;
  /** Whether an engine is instrumented here, so that the spans it makes itself are no executions of their own. @default none is */
  readonly isInstrumented?: (engine: string) => boolean;
  /** The time, milliseconds since the Unix epoch; asked only where a span's own makes no sense. @default Date.now */
  readonly clock?: () => number;
}
