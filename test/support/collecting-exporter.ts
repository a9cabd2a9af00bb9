import type { RecordAccounts, RecordExporter, ShutdownReport } from '../../src/export/record-exporter.ts';
import type { ExecutionRecord } from '../../src/records/execution-record.ts';

/** A record exporter whose store is an array. */
export class CollectingExporter implements RecordExporter {
  readonly records: ExecutionRecord[] = [];
  #sampledOut = 0;

  export(record: ExecutionRecord): void {
    record.seq = this.records.push(record);
  }

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
      created: this.records.length + this.#sampledOut,
      stored: this.records.length,
      queued: 0,
      queuedBytes: 0,
      sampledOut: this.#sampledOut,
      quarantined: 0,
      dropped: {
        queue_full: 0,
        spool_full: 0,
        spool_io_error: 0,
        corrupt_frame: 0,
        after_shutdown: 0,
        shutdown_deadline: 0,
        quarantine_failed: 0,
        internal_error: 0,
      },
    };
  }

  /** The only record of that name; fails where there is none, or another. */
  recordOf(name: string): ExecutionRecord {
    const found = this.records.filter((record) => record.name === name);
    if (found.length !== 1) throw new Error(`${found.length} records of ${name}, not one`);
    return found[0] as ExecutionRecord;
  }
}
