import type { RecordExporter } from '../export/record-exporter.ts';
import type { ExecutionRecord } from '../records/execution-record.ts';
import { type KeepPolicyOptions, resolveKeepPolicy } from '../records/keep-policy.ts';
import { type RedactRecord, redacted } from '../records/redaction.ts';
import { runningRecord } from '../records/running-record.ts';
import { type KeptRun, KeptRuns } from './kept-runs.ts';
import { isSureToBeKept, type LiveExecution } from './live-execution.ts';
import type { LiveExecutions } from './live-executions.ts';

/** What decides on the records that leave. */
export interface OutletOptions {
  readonly exporter: RecordExporter;
  readonly keep: KeepPolicyOptions | undefined;
  readonly redact: RedactRecord | undefined;
}

/** The one way out for records: past the keep policy, then redacted, then to the exporter. */
export class RecordOutlet {
  readonly #exporter: RecordExporter;
  readonly #redact: RedactRecord | undefined;
  readonly #kept: KeptRuns;

  constructor({ exporter, keep, redact }: OutletOptions) {
    this.#exporter = exporter;
    this.#redact = redact;
    this.#kept = new KeptRuns(
      resolveKeepPolicy(keep),
      (record) => this.#export(record),
      (count) => exporter.sampledOut(count),
    );
  }

  /** Records held until the end of their run, and how many were decided before it because too many were held. */
  get held(): { readonly held: number; readonly decidedEarly: number } {
    return { held: this.#kept.held, decidedEarly: this.#kept.decidedEarly };
  }

  /** Has the exporter ask for what runs, to show it in the store. */
  watch(live: LiveExecutions): void {
    this.#exporter.watchRunning({
      unshown: (startedBefore, limit) =>
        live.takeUnshown(startedBefore, limit).map((record) => this.#withoutSecrets(record)),
      any: () => {
        const record = live.anyRunning();
        return record && this.#withoutSecrets(record);
      },
    });
  }

  /** What the keep policy has to know of a run that starts; undefined where everything is kept. */
  startRun(runId: string): KeptRun | undefined {
    return this.#kept.start(runId);
  }

  /** Decides what is held of a run: it may never end. */
  settleRun(run: KeptRun): void {
    this.#kept.settle(run);
  }

  /** It runs, as far as anybody knows, and will have a record: should the process die, that is known. */
  started(execution: LiveExecution): void {
    if (this.#exporter.keepsStarts && isSureToBeKept(execution)) {
      this.#exporter.started(this.#withoutSecrets(runningRecord(execution.facts, execution)));
    }
  }

  /** The record of an execution that ended or was suspended. `isForced`: somebody asked for every record of the run. */
  offer(record: ExecutionRecord, { run, facts, parent }: LiveExecution, isForced: boolean): void {
    if (run === undefined) this.#export(record);
    else this.#kept.offer(record, run, { isRun: facts.isRun, isLocalRoot: parent === undefined, isForced });
  }

  /** Decides all that is held, and holds nothing from now on. */
  close(): void {
    this.#kept.close();
  }

  #export(record: ExecutionRecord): void {
    this.#exporter.export(this.#withoutSecrets(record));
  }

  #withoutSecrets(record: ExecutionRecord): ExecutionRecord {
    return this.#redact === undefined ? record : redacted(record, this.#redact);
  }
}
