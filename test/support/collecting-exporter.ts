import { NO_ACCOUNTS } from '../../src/export/accounting.ts';
import type { RecordAccounts, RecordExporter, ShutdownReport } from '../../src/export/record-exporter.ts';
import type { ExecutionRecord } from '../../src/records/execution-record.ts';

/** A record exporter whose store is an array. */
export class CollectingExporter implements RecordExporter {
  readonly records: ExecutionRecord[] = [];
  readonly keepsStarts = false;
  #sampledOut = 0;

  export(record: ExecutionRecord): void {
    record.seq = this.records.push(record);
  }

  started(): void {}

  watchRunning(): void {}

  sampledOut(count: number): void {
    this.#sampledOut += count;
  }

  async ready(): Promise<void> {}

  async forceFlush(): Promise<void> {}

  async shutdown(): Promise<ShutdownReport> {
    return { stored: this.records.length, left: 0, dropped: 0 };
  }

  accounts(): RecordAccounts {
    return {
      ...NO_ACCOUNTS,
      created: this.records.length + this.#sampledOut,
      stored: this.records.length,
      sampledOut: this.#sampledOut,
    };
  }

  /** The only record of that name; fails where there is none, or another. */
  recordOf(name: string): ExecutionRecord {
    const found = this.records.filter((record) => record.name === name);
    if (found.length !== 1) throw new Error(`${found.length} records of ${name}, not one`);
    return found[0] as ExecutionRecord;
  }
}
