import type { ExecutionRecord } from '../records/execution-record.ts';
import { classifyError } from './error-classes.ts';
import type { ExporterLog } from './exporter-log.ts';
import type { LedgerReporter } from './ledger-reporter.ts';
import type { Quarantine } from './quarantine.ts';
import type { RunningExecutions } from './record-exporter.ts';
import type { AdoptedInstance, RecordQueue } from './record-queue.ts';
import type { StoreSession } from './store-session.ts';

/** An execution that runs longer is shown by the store while it runs. Milliseconds. */
const RUNNING_MILLIS = 1_000;
/** How many of them are written at once. */
const MAX_ROWS = 500;
/** How often the store hears that this instance lives. Milliseconds. */
const HEARTBEAT_MILLIS = 10_000;
/** An instance that has not been heard of for so long is taken for dead. Milliseconds. */
const SILENT_MILLIS = 15 * 60_000;
/** How often it is looked for such. Milliseconds. */
const PATROL_MILLIS = 60_000;

/** What housekeeping works with. */
export interface HousekeepingParts {
  readonly session: StoreSession;
  readonly queue: RecordQueue;
  readonly quarantine: Quarantine;
  readonly reporter: LedgerReporter;
  readonly log: ExporterLog;
  /** A clock that never steps, in milliseconds. */
  readonly monotonic: () => number;
  /** Milliseconds since the Unix epoch. */
  readonly now: () => number;
}

/**
 * What is written to the store between batches: executions that have been running for a while, the heartbeat of this
 * instance, the end of instances that died, and what is in files of the quarantine. None of it is a record, or it was counted
 * before, so none of it is in the accounts.
 */
export class Housekeeping {
  readonly #parts: HousekeepingParts;
  #running: RunningExecutions = { unshown: () => [], any: () => undefined };
  /** Rows the store has not taken yet. */
  #rows: readonly ExecutionRecord[] = [];
  #heartbeatAt: number;
  #patrolAt: number;
  #interrupted = 0;

  constructor(parts: HousekeepingParts) {
    this.#parts = parts;
    this.#heartbeatAt = parts.monotonic();
    this.#patrolAt = this.#heartbeatAt;
  }

  /** Executions of dead instances that were found running. */
  get interrupted(): number {
    return this.#interrupted;
  }

  watchRunning(running: RunningExecutions): void {
    this.#running = running;
  }

  /** Whether there is something to write now. Looks for executions to show, so ask about once a second. */
  isDue(): boolean {
    const { session, monotonic, queue, quarantine } = this.#parts;
    if (quarantine.isDue) return true;
    if (!session.keepsReports) {
      this.#keepQuiet();
      return false;
    }
    if (this.#rows.length === 0) this.#look();
    if (this.#rows.length > 0) return true;
    if ((queue.settledInstances?.().length ?? 0) > 0) return true;
    return monotonic() - this.#heartbeatAt >= HEARTBEAT_MILLIS;
  }

  /**
   * At the end: where nothing runs any more, nothing need be kept of what has started. Otherwise something is left behind,
   * or nobody would ever tell the store that what it shows as running is over.
   */
  leaveStarts(): void {
    const { queue, now } = this.#parts;
    const running = this.#running.any();
    if (running === undefined) queue.startsStored?.(now() + 1);
    else queue.appendStart?.(running, now());
  }

  /** Writes what is due. Rejects as the store does; what was not written is due again. */
  async run(): Promise<void> {
    const { session, monotonic, quarantine } = this.#parts;
    if (quarantine.isDue) {
      await session.open();
      await quarantine.bringIn();
    }
    if (!session.keepsReports) {
      this.#keepQuiet();
      return;
    }
    await session.open();
    await this.#showRunning();
    for (const adopted of this.#parts.queue.settledInstances?.() ?? []) await this.#bury(adopted);
    if (monotonic() - this.#patrolAt >= PATROL_MILLIS) {
      this.#patrolAt = monotonic();
      await session.interrupt([], this.#parts.now() - SILENT_MILLIS);
    }
  }

  /** Shows what runs, and with it that this instance lives. */
  async #showRunning(): Promise<void> {
    const { reporter, monotonic } = this.#parts;
    do {
      const report = reporter.report();
      if (this.#rows.length === 0 && report === undefined) return;
      await this.#write(this.#rows, report);
      this.#rows = [];
      if (report !== undefined) reporter.reported(report);
      this.#heartbeatAt = monotonic();
      this.#look();
    } while (this.#rows.length > 0);
  }

  /** A row the store refuses for its content is left out: its record will come, and be quarantined, at its end. */
  async #write(
    rows: readonly ExecutionRecord[],
    report: ReturnType<LedgerReporter['report']>,
  ): Promise<void> {
    const { session } = this.#parts;
    try {
      await session.write(rows, report);
    } catch (error) {
      if (classifyError(error).errorClass !== 'data') throw error;
      await session.write([], report);
    }
  }

  /** The records of a dead instance are all stored: the ledger learns that it died, and with it what was running. */
  async #bury(adopted: AdoptedInstance): Promise<void> {
    const { session, queue, log } = this.#parts;
    const { instance, losses, records } = adopted;
    await session.write([], { instances: [instance], losses });
    const interrupted = await session.interrupt([instance.instanceId], 0);
    this.#interrupted += interrupted;
    queue.forget?.(adopted);
    log.recovered(instance, records, interrupted);
  }

  /** Where nothing is found, every execution that started before has ended or is shown. */
  #look(): void {
    const startedBefore = this.#parts.now() - RUNNING_MILLIS;
    this.#rows = this.#running.unshown(startedBefore, MAX_ROWS);
    if (this.#rows.length === 0) this.#parts.queue.startsStored?.(startedBefore);
  }

  /** A store that can not tell who lives is told of no starts and no deaths. */
  #keepQuiet(): void {
    const { queue, now } = this.#parts;
    queue.startsStored?.(now());
    for (const adopted of queue.settledInstances?.() ?? []) queue.forget?.(adopted);
  }
}
