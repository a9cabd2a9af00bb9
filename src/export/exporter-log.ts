import type { Durability, LedgerInstance } from '../store/record-store.ts';
import { ConditionLog } from './condition-log.ts';
import { logGuarded } from './guarded-log.ts';
import { adviceFor } from './retry-policy.ts';
import type { StoreUnavailableError } from './store-unavailable-error.ts';

/** What an exporter says on `diag`: a line when something lasting begins and one when it ends. Never throws. */
export class ExporterLog {
  readonly #storeName: string;
  readonly #outage: ConditionLog;
  readonly #quarantine: ConditionLog;
  readonly #overflow: ConditionLog;
  #overflowed = 0;

  constructor(storeName: string, now: () => number) {
    this.#storeName = storeName;
    this.#outage = new ConditionLog(now);
    this.#quarantine = new ConditionLog(now);
    this.#overflow = new ConditionLog(now);
  }

  storeFailed({ errorClass, code }: StoreUnavailableError, durability: Durability): void {
    const place = durability === 'memory' ? 'in memory' : 'on disk';
    this.#outage.begin(
      () =>
        `${this.#storeName} does not take records (${code}): they are kept ${place}; ${adviceFor(errorClass)}`,
    );
  }

  storeWorks(): void {
    this.#outage.end((seconds) => `${this.#storeName} takes records again after ${seconds} s`);
  }

  quarantineFails(code: string, path: string): void {
    this.#quarantine.begin(
      () =>
        `${this.#storeName} does not quarantine what it refuses (${code}): it is kept in ${path}; check the rights to record_quarantine`,
    );
  }

  quarantineWorks(): void {
    this.#quarantine.end(
      (seconds) => `${this.#storeName} has quarantined what was kept in files after ${seconds} s`,
    );
  }

  queueFull(dropped: number): void {
    if (!this.#overflow.isActive) this.#overflowed = 0;
    this.#overflowed += dropped;
    this.#overflow.begin(() => 'the queue is full: records are dropped, steps that did not fail first');
  }

  queueHasRoom(): void {
    this.#overflow.end(
      (seconds) => `the queue has room again after ${seconds} s; ${this.#overflowed} records were dropped`,
    );
  }

  recovered({ instanceId, pid, host }: LedgerInstance, records: number, interrupted: number): void {
    if (records + interrupted === 0) return;
    logGuarded(
      'info',
      () =>
        `recovered ${records} records and ${interrupted} interrupted executions of process ${pid} on ${host} (${instanceId})`,
    );
  }

  lost(records: number): void {
    if (records === 0) return;
    logGuarded('warn', () => `${records} records were not stored before the process ended`);
  }
}
