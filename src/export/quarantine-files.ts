import type { QuarantinedRecord } from '../store/record-store.ts';

/** What a file of the quarantine holds. */
export interface Refusal extends QuarantinedRecord {
  /** When it was refused, milliseconds since the Unix epoch. */
  readonly at: number;
}

/** A file of the quarantine, and by its name alone which record it holds. */
export interface RefusalFile {
  readonly path: string;
  readonly instanceId: string;
  readonly seq: number;
  readonly recordId: string;
  readonly rev: number;
  /** Undefined where it is damaged or gone. Never rejects. */
  read(): Promise<Refusal | undefined>;
  /** Rejects where it is there and can not be removed. */
  remove(): Promise<void>;
}

/**
 * Keeps records in files that a store refuses and can not put into its own quarantine either, for a person to find. One
 * place for all processes that write to a store.
 */
export interface QuarantineFiles {
  /** Where they are. */
  readonly path: string;
  /** Looks while everything waits, for as long as it takes to list a folder. */
  readonly isEmpty: boolean;
  /** Resolves to the records that are kept now; the others found no room. One that is kept already is one file. Never rejects. */
  keep(records: readonly QuarantinedRecord[]): Promise<readonly QuarantinedRecord[]>;
  /** The files there are. Never rejects. */
  list(): Promise<readonly RefusalFile[]>;
  /**
   * Does something with the files while nobody else of this machine does, and resolves to whether it was done: false where
   * somebody else is at it, or nobody can be kept out. Rejects as `work` does, and for nothing else.
   */
  alone(work: (files: readonly RefusalFile[]) => Promise<void>): Promise<boolean>;
}
