import type { ExecutionRecord } from '../../src/records/execution-record.ts';
import type {
  PruneReport,
  QuarantinedRecord,
  RecordStore,
  RetentionPolicy,
} from '../../src/store/record-store.ts';

/** A fault: throws, hangs or delays. What it returns is awaited before the store does its work. */
export type Fault<Input> = (input: Input, call: number) => unknown;

/** Where a store goes wrong. A call without a fault works. */
export interface StoreScript {
  init?: Fault<undefined>;
  write?: Fault<readonly ExecutionRecord[]>;
  quarantine?: Fault<readonly QuarantinedRecord[]>;
  prune?: Fault<RetentionPolicy>;
  close?: Fault<undefined>;
  /** Says whether it stores. */
  writeAtExit?: (records: readonly ExecutionRecord[], millis: number) => boolean;
}

/** A store in memory that keeps the contract, except where its script says otherwise. Faults are called with 1, 2, … */
export class ScriptedRecordStore implements RecordStore {
  readonly name = 'scripted store';
  readonly maxWrites: number;
  /** May be changed at any time. */
  script: StoreScript;
  readonly rows = new Map<string, ExecutionRecord>();
  readonly quarantined = new Map<string, string>();
  /** Every write that was asked for, done or not. */
  readonly writes: (readonly ExecutionRecord[])[] = [];
  readonly calls = { init: 0, write: 0, quarantine: 0, prune: 0, close: 0, writeAtExit: 0 };

  constructor(script: StoreScript = {}, maxWrites = 1) {
    this.script = script;
    this.maxWrites = maxWrites;
  }

  async init(): Promise<void> {
    this.calls.init++;
    await this.script.init?.(undefined, this.calls.init);
  }

  async write(records: readonly ExecutionRecord[]): Promise<void> {
    this.writes.push(records);
    this.calls.write++;
    await this.script.write?.(records, this.calls.write);
    this.#keep(records);
  }

  writeAtExit(records: readonly ExecutionRecord[], millis: number): boolean {
    this.calls.writeAtExit++;
    const isStored = this.script.writeAtExit?.(records, millis) ?? true;
    if (isStored) this.#keep(records);
    return isStored;
  }

  async quarantine(records: readonly QuarantinedRecord[]): Promise<void> {
    this.calls.quarantine++;
    await this.script.quarantine?.(records, this.calls.quarantine);
    for (const { record, reason } of records) this.quarantined.set(record.recordId, reason);
  }

  async prune(policy: RetentionPolicy): Promise<PruneReport> {
    this.calls.prune++;
    await this.script.prune?.(policy, this.calls.prune);
    return { removedByAge: 0, removedBySize: 0, bytesBefore: 0, bytesAfter: 0 };
  }

  async close(): Promise<void> {
    this.calls.close++;
    await this.script.close?.(undefined, this.calls.close);
  }

  #keep(records: readonly ExecutionRecord[]): void {
    for (const record of records) {
      const row = this.rows.get(record.recordId);
      if (row === undefined || record.rev > row.rev) this.rows.set(record.recordId, record);
    }
  }
}

/** A promise that never settles. */
export function never(): Promise<never> {
  return new Promise(() => undefined);
}

/** An error as `node:sqlite` throws it. */
export function sqliteError(errcode: number): Error {
  return Object.assign(new Error('sqlite failed'), { code: 'ERR_SQLITE_ERROR', errcode });
}

/** An error with a code, as the operating system's are. */
export function codedError(code: string): Error {
  return Object.assign(new Error('it failed'), { code });
}
