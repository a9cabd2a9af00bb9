import type { Meter } from '@opentelemetry/api';
import { NO_ACCOUNTS } from '../export/accounting.ts';
import { BatchRecordExporter, type QueueFactory } from '../export/batch-record-exporter.ts';
import { registerExporterMetrics } from '../export/exporter-metrics.ts';
import type { RecordAccounts, ShutdownReport } from '../export/record-exporter.ts';
import { isInstrumented } from '../instrumentation/engine-switches.ts';
import { ExceptionLogProcessor, type LogRecordProcessorShape } from '../processor/exception-log-processor.ts';
import { ExecutionSpanProcessor } from '../processor/execution-span-processor.ts';
import type { LiveExecutionView } from '../processor/live-execution.ts';
import { type RecordSampler, recordExecutions, type SamplerShape } from '../processor/record-sampler.ts';
import type { SpanProcessorShape } from '../records/ended-span.ts';
import { SpoolRecordQueue } from '../spool/spool-record-queue.ts';
import type { Durability } from '../store/record-store.ts';
import { drainAtExit } from './drain-at-exit.ts';
import { LedgerInstrumentation } from './ledger-instrumentation.ts';
import type { ResolvedOptions, RunledgerOptions } from './options.ts';
import { announceLedger } from './process-ledger.ts';
import { resolveOptions } from './resolve-options.ts';
import { RetainedStore } from './retained-store.ts';
import { storeFromChoice } from './store-choice.ts';

/** The recording half: what turns spans into records and brings them to the store. */
interface Recording {
  readonly processor: ExecutionSpanProcessor;
  readonly exporter: BatchRecordExporter;
}

/**
 * One ledger with its parts, for those who put an SDK together by hand; `withRunledger` does it for a NodeSDK. All
 * of it is made at once and opens nothing: the store opens with the first record. Where the ledger is not
 * enabled or its store is `none`, the parts are there and do nothing.
 */
export class Runledger {
  readonly options: ResolvedOptions;
  /** Add it to the span processors of the tracer provider. */
  readonly spanProcessor: SpanProcessorShape;
  /** Add it to the log record processors where exceptions are reported as log records. */
  readonly logRecordProcessor: LogRecordProcessorShape = new ExceptionLogProcessor();
  /** Register it with the SDK: it gives pipelines their tracer and the ledger its meter. */
  readonly instrumentation: LedgerInstrumentation;
  readonly #recording: Recording | undefined;
  readonly #stopDraining: () => void;

  /** Made by {@link createRunledger}. */
  constructor(options: ResolvedOptions) {
    this.options = options;
    this.#recording = options.enabled ? recordingFrom(options) : undefined;
    this.spanProcessor = this.#recording?.processor ?? IDLE_PROCESSOR;
    const { enabled, slo, maxNames, classifyError, captureInput, semconv, engines } = options;
    const config = { enabled, slo, maxNames, classifyError, captureInput, semconv, engines };
    this.instrumentation = new LedgerInstrumentation(config, (meter) => this.#measure(meter));
    this.#stopDraining = this.#recording === undefined ? () => {} : drainAtExit(this);
  }

  /** What takes the records to the store; undefined where none are made. */
  get exporter(): BatchRecordExporter | undefined {
    return this.#recording?.exporter;
  }

  /** Wraps a sampler so that executions it drops are still recorded, and nothing more is exported. */
  sampler<Sampler extends SamplerShape>(sampler: Sampler): RecordSampler<Sampler> {
    return this.#recording === undefined ? sampler : recordExecutions(sampler, this.options.recognise);
  }

  /** Resolves while the queue has room: await it between steps to let a slow store catch up. Never rejects. */
  ready(): Promise<void> {
    return this.#recording?.exporter.ready() ?? Promise.resolve();
  }

  /** Records waiting or on their way to the store. */
  get queued(): number {
    return this.#recording?.exporter.accounts().queued ?? 0;
  }

  /** Makes the records of ended spans of other libraries that wait for those around them. Never throws. */
  settle(): void {
    this.#recording?.processor.settle();
  }

  /** Whether the end of the process waits until what is queued is stored. */
  get drainsAtExit(): boolean {
    return this.options.drainOnExit ?? this.#recording?.exporter.durability === 'memory';
  }

  /** How a record is kept from the moment its execution ends. `memory` also while the disk of the spool fails. */
  get durability(): Durability {
    return this.#recording?.exporter.durability ?? 'memory';
  }

  /** Writes what is queued from an `exit` handler, blocking for `millis` at most. Never throws. */
  handOver(millis: number): void {
    this.#recording?.exporter.handOver(millis);
  }

  /** Resolves when everything that ended before is stored or given up. Never rejects. */
  forceFlush(): Promise<void> {
    this.settle();
    return this.#recording?.exporter.forceFlush() ?? Promise.resolve();
  }

  /** Stores what is queued, until a deadline, and closes the store. Callable twice. Never rejects. */
  async shutdown(): Promise<ShutdownReport> {
    await this.#recording?.processor.shutdown();
    this.#stopDraining();
    return this.#recording?.exporter.shutdown() ?? NOTHING_LEFT;
  }

  /** Where every record is; `created` is always the sum of the others. */
  accounts(): RecordAccounts {
    return this.#recording?.exporter.accounts() ?? NO_ACCOUNTS;
  }

  /** What runs in this process now, first to start first; `limit` at most. */
  liveExecutions(limit?: number): readonly LiveExecutionView[] {
    return this.#recording?.processor.liveExecutions(limit) ?? [];
  }

  #measure(meter: Meter): void {
    if (this.#recording === undefined) return;
    registerExporterMetrics(meter, this.#recording.exporter);
    this.#recording.processor.registerLiveMetrics(meter);
  }
}

/**
 * Makes the ledger of this process from options and the `RUNLEDGER_*` environment. Throws a `TypeError` or a
 * `RangeError` for what can not work, naming what was expected.
 */
export function createRunledger(options: RunledgerOptions = {}): Runledger {
  const resolved = resolveOptions(options);
  return announceLedger(() => new Runledger(resolved));
}

function recordingFrom(options: ResolvedOptions): Recording | undefined {
  const store = storeFromChoice(options.store, options.durability);
  if (store === undefined) return undefined;
  const { keep, redact, recognise, retention, maxLiveExecutions } = options;
  const retained = retention === false ? store : new RetainedStore(store, retention);
  const exporter = new BatchRecordExporter(retained, options.batch, queueFactory(options));
  const processor = new ExecutionSpanProcessor({
    exporter,
    keep,
    recognise,
    isInstrumented,
    ...(redact !== undefined && { redact }),
    ...(maxLiveExecutions !== undefined && { maxLiveExecutions }),
  });
  return { exporter, processor };
}

/** Undefined leaves the queue in memory. */
function queueFactory(options: ResolvedOptions): QueueFactory | undefined {
  const { spoolDirectory, durability, batch, spool } = options;
  if (spoolDirectory === undefined || durability === 'memory') return undefined;
  const { maxQueueSize, maxQueueBytes } = batch;
  return (owner, onDrop) =>
    new SpoolRecordQueue(
      {
        ...owner,
        directory: spoolDirectory,
        durability,
        ...(maxQueueSize !== undefined && { maxQueueSize }),
        ...(maxQueueBytes !== undefined && { maxQueueBytes }),
        ...(spool.maxBytes !== undefined && { maxSpoolBytes: spool.maxBytes }),
      },
      onDrop,
    );
}

const IDLE_PROCESSOR: SpanProcessorShape = {
  onStart() {},
  onEnd() {},
  forceFlush: () => Promise.resolve(),
  shutdown: () => Promise.resolve(),
};

const NOTHING_LEFT: ShutdownReport = { stored: 0, left: 0, dropped: 0 };
