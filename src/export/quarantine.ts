import type { ExecutionRecord } from '../records/execution-record.ts';
import type { QuarantinedRecord } from '../store/record-store.ts';
import { bringIn, type QuarantineStore, toldKey } from './bring-in.ts';
import { type ClassifiedError, classifyError, isStoreAway } from './error-classes.ts';
import type { ExporterLog } from './exporter-log.ts';
import type { LedgerReporter } from './ledger-reporter.ts';
import type { QuarantineFiles } from './quarantine-files.ts';
import type { StoreSession } from './store-session.ts';
import { StoreUnavailableError } from './store-unavailable-error.ts';

/** How often it is tried to bring into the store what is in files. Milliseconds. */
const AGAIN_MILLIS = 60_000;

/** What the quarantine works with. */
export interface QuarantineParts {
  readonly session: StoreSession;
  /** Undefined where nothing outlives the process. */
  readonly files: QuarantineFiles | undefined;
  readonly reporter: LedgerReporter;
  readonly log: ExporterLog;
  /** A clock that never steps, in milliseconds. */
  readonly monotonic: () => number;
}

/**
 * Where records go that the store refuses for their content: into its quarantine; where that does not take them, as when a
 * right to its table is missing, into files, and from there into the store as soon as it does.
 */
export class Quarantine {
  readonly #parts: QuarantineParts;
  /** Records in files that the ledger is told of. */
  readonly #told = new Set<string>();
  #lookedAt = Number.NEGATIVE_INFINITY;

  constructor(parts: QuarantineParts) {
    this.#parts = parts;
  }

  /** Resolves to those that are kept nowhere. Rejects with {@link StoreUnavailableError} while the store is away. */
  async keep(refused: readonly QuarantinedRecord[]): Promise<ReadonlySet<ExecutionRecord>> {
    const error = await this.#store(refused);
    if (error === undefined) return new Set();
    // One that is too long for the table, say, is no reason to keep the others out.
    const left = error.errorClass === 'data' ? await this.#storeEach(refused) : refused;
    return this.#keepInFiles(left, error.code);
  }

  /** Whether it is time to see to what is in files. */
  get isDue(): boolean {
    const { files, monotonic } = this.#parts;
    if (files === undefined || monotonic() - this.#lookedAt < AGAIN_MILLIS) return false;
    if (!files.isEmpty) return true;
    this.#lookedAt = monotonic();
    return false;
  }

  /** Brings what is in files into the store, as far as it takes it. Rejects as the store does while it is away. */
  async bringIn(): Promise<void> {
    const { files, session, monotonic, log } = this.#parts;
    if (files === undefined) return;
    this.#lookedAt = monotonic();
    const store: QuarantineStore = {
      quarantine: (records) => session.quarantine(records),
      async tell(losses) {
        if (session.keepsReports) await session.write([], { instances: [], losses });
      },
    };
    const broughtIn = await bringIn(files, store, this.#told);
    if (broughtIn?.staying === 0) log.quarantineWorks();
  }

  /** Resolves to why the store does not keep records, undefined where it does. */
  async #store(records: readonly QuarantinedRecord[]): Promise<ClassifiedError | undefined> {
    try {
      await this.#parts.session.quarantine(records);
      return undefined;
    } catch (error) {
      const classified = classifyError(error);
      const { errorClass, code } = classified;
      if (isStoreAway(errorClass)) throw new StoreUnavailableError(errorClass, code, false);
      return classified;
    }
  }

  /** Resolves to those that the store does not keep. */
  async #storeEach(records: readonly QuarantinedRecord[]): Promise<readonly QuarantinedRecord[]> {
    const refused: QuarantinedRecord[] = [];
    for (const record of records) if ((await this.#store([record])) !== undefined) refused.push(record);
    return refused;
  }

  async #keepInFiles(
    refused: readonly QuarantinedRecord[],
    code: string,
  ): Promise<ReadonlySet<ExecutionRecord>> {
    const { files, reporter, log } = this.#parts;
    const lost = new Set(refused.map(({ record }) => record));
    if (files === undefined || refused.length === 0) return lost;
    for (const { record } of await files.keep(refused)) {
      lost.delete(record);
      reporter.keptInFile(record);
      this.#told.add(toldKey(record));
    }
    if (lost.size < refused.length) log.quarantineFails(code, files.path);
    return lost;
  }
}
