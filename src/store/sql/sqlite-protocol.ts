import type { LedgerReport, PruneReport, QuarantineKey, RetentionPolicy } from '../record-store.ts';
import type { RemoteChildLink } from '../remote-children.ts';
import type { ColumnBatch } from './column-batch.ts';
import type { SqliteSettings } from './sqlite-connection.ts';

/** A quarantined record on its way to the worker: record_id, rev, reason, at, record as JSON, instance_id, seq. */
export type QuarantineRow = readonly [string, number, string, number, string, string, number];

/** What one write keeps. */
export interface WriteBatch {
  readonly batch: ColumnBatch;
  /** Which of the records matter to a parent in another process. */
  readonly remoteChildren: readonly RemoteChildLink[];
  readonly report: LedgerReport | undefined;
}

/** What the only slot of a signal says, in memory both threads see. */
export const SIGNAL = { pending: 0, stored: 1, failed: 2 } as const;

/** What the worker can be asked for. Everything in it is plain arrays and objects, the cheapest to copy. */
export interface WorkerCalls {
  /** Opens and migrates; answers with what the user should know about the file. */
  readonly init: { readonly argument: { readonly now: number }; readonly result: string | undefined };
  readonly write: { readonly argument: WriteBatch; readonly result: undefined };
  /** The same for a thread that is blocked until `signal` says other than pending: {@link SIGNAL}. */
  readonly writeAtExit: {
    readonly argument: { readonly content: WriteBatch; readonly signal: Int32Array };
    readonly result: undefined;
  };
  /** Answers with the number of rows. */
  readonly interrupt: {
    readonly argument: { readonly instanceIds: readonly string[]; readonly silentBefore: number };
    readonly result: number;
  };
  readonly quarantine: { readonly argument: readonly QuarantineRow[]; readonly result: undefined };
  /** Answers with the number of rows. */
  readonly discard: { readonly argument: readonly QuarantineKey[]; readonly result: number };
  readonly prune: {
    readonly argument: { readonly policy: RetentionPolicy; readonly now: number };
    readonly result: PruneReport;
  };
  readonly close: { readonly argument: undefined; readonly result: undefined };
}

export type WorkerCall = keyof WorkerCalls;

/** A question to the worker. */
export type WorkerRequest = {
  readonly [Call in WorkerCall]: {
    readonly id: number;
    readonly call: Call;
    readonly argument: WorkerCalls[Call]['argument'];
  };
}[WorkerCall];

/** An error as it crosses threads: structured clone keeps an error's message and drops its codes. */
export interface ErrorMessage {
  readonly message: string;
  readonly code: string | undefined;
  readonly errcode: number | undefined;
}

/** The worker's answer. */
export type WorkerResponse =
  | { readonly id: number; readonly result: WorkerCalls[WorkerCall]['result'] }
  | { readonly id: number; readonly error: ErrorMessage };

/** What the worker is started with. */
export interface WorkerData {
  readonly settings: SqliteSettings;
}
