import type { ExecutionRecord } from '../records/execution-record.ts';
import type { RecordAccounting } from './accounting.ts';
import { type ClassifiedError, classifyError } from './error-classes.ts';
import type { LedgerReporter } from './ledger-reporter.ts';
import { isolatePoison, type Poison } from './poison.ts';
import type { Quarantine } from './quarantine.ts';
import type { RecordBatch, RecordQueue } from './record-queue.ts';
import { type StoreSession, StoreTimeoutError } from './store-session.ts';
import { StoreUnavailableError } from './store-unavailable-error.ts';

/**
 * One record to send. The positions are those in its batch: its own, and those of lower revisions of the same
 * record, which need no row of their own and share its fate in the accounts.
 */
interface Parcel {
  readonly record: ExecutionRecord;
  readonly positions: number[];
}

/** What a delivery works with. */
export interface RecordDeliveryParts {
  readonly session: StoreSession;
  readonly queue: RecordQueue;
  readonly accounting: RecordAccounting;
  readonly reporter: LedgerReporter;
  readonly quarantine: Quarantine;
  /** A record can neither be stored nor quarantined. */
  readonly onLost: (record: ExecutionRecord) => void;
  /** From 0 to 1. */
  readonly random: () => number;
}

/**
 * Brings one batch to the store and settles its records as they are stored, quarantined or given up.
 *
 * A refusal of the content is traced to the records that cause it; they are quarantined, their mates stored. An
 * error nobody knows is put to the test: if a canary of one record is taken, the records are to blame, else the
 * store. The price of that rule: a single record that is refused with an unknown code is tried until another record
 * shows that the store is well.
 */
export class RecordDelivery {
  readonly #session: StoreSession;
  readonly #queue: RecordQueue;
  readonly #accounting: RecordAccounting;
  readonly #reporter: LedgerReporter;
  readonly #quarantine: Quarantine;
  readonly #onLost: (record: ExecutionRecord) => void;
  readonly #random: () => number;
  #mayRepeat = false;

  constructor(parts: RecordDeliveryParts) {
    this.#session = parts.session;
    this.#queue = parts.queue;
    this.#accounting = parts.accounting;
    this.#reporter = parts.reporter;
    this.#quarantine = parts.quarantine;
    this.#onLost = parts.onLost;
    this.#random = parts.random;
  }

  /** Records stored until now. */
  get storedCount(): number {
    return this.#accounting.storedCount;
  }

  /**
   * Says that batches may hold several revisions of one record. Until then no record ids are compared, which for a cheap
   * store would cost more than all the rest.
   */
  expectRevisions(): void {
    this.#mayRepeat = true;
  }

  /** Rejects with {@link StoreUnavailableError} alone, and only while something of the batch is not settled. */
  async deliver(batch: RecordBatch): Promise<void> {
    await this.#open();
    const { records } = batch;
    const error = await this.#send(batch, this.#mayRepeat ? newestRevisions(records) : records);
    if (error === undefined) return;
    const parcels = parcelsFromBatch(batch);
    if (error.errorClass === 'data') {
      await this.#separate(batch, parcels, error.code);
      return;
    }
    const canary = await this.#findCanary(batch, parcels, error);
    await this.#separate(
      batch,
      parcels.filter((parcel) => parcel !== canary),
      error.code,
      canary,
    );
  }

  /** Whatever goes wrong here is the store's: no record was sent yet. */
  async #open(): Promise<void> {
    try {
      await this.#session.open();
    } catch (error) {
      const { errorClass, code } = classifyError(error);
      throw new StoreUnavailableError(errorClass === 'data' ? 'configuration' : errorClass, code, false);
    }
  }

  /** Stores and settles, the whole batch without positions; or returns why the content was refused or may have been. Rejects if it is the store. */
  async #send(
    batch: RecordBatch,
    records: readonly ExecutionRecord[],
    positions?: readonly number[],
  ): Promise<ClassifiedError | undefined> {
    const report = this.#reporter.report();
    try {
      await this.#session.write(records, report);
    } catch (error) {
      const classified = classifyError(error);
      if (classified.errorClass === 'data' || classified.errorClass === 'unknown') return classified;
      throw new StoreUnavailableError(
        classified.errorClass,
        classified.code,
        error instanceof StoreTimeoutError,
      );
    }
    if (report !== undefined) this.#reporter.reported(report);
    this.#accounting.stored(this.#queue.settle(batch, positions));
    return undefined;
  }

  #sendParcels(batch: RecordBatch, parcels: readonly Parcel[]): Promise<ClassifiedError | undefined> {
    const records = parcels.map(({ record }) => record);
    return this.#send(batch, records, positionsOf(parcels));
  }

  /** Stores one record of the parcels alone, the first or any other. Rejects when the store takes neither. */
  async #findCanary(
    batch: RecordBatch,
    parcels: readonly Parcel[],
    error: ClassifiedError,
  ): Promise<Parcel | undefined> {
    const [first, ...others] = parcels;
    const other = others[Math.floor(this.#random() * others.length)];
    if (other !== undefined) {
      for (const canary of [first, other]) {
        if (canary === undefined) continue;
        const refusal = await this.#sendParcels(batch, [canary]);
        if (refusal === undefined) return canary;
        // The store names the content: it is well, and the halving will find this record.
        if (refusal.errorClass === 'data') return undefined;
      }
    }
    throw new StoreUnavailableError('unknown', error.code, false);
  }

  /** Stores what can be stored of the parcels, and quarantines the rest. */
  async #separate(
    batch: RecordBatch,
    parcels: readonly Parcel[],
    code: string,
    canary?: Parcel,
  ): Promise<void> {
    let proof = canary;
    const send = async (part: readonly Parcel[]): Promise<string | undefined> => {
      const refusal = await this.#sendParcels(batch, part);
      if (refusal === undefined) {
        proof ??= part[0];
        return undefined;
      }
      if (refusal.errorClass === 'unknown' && part.length === 1) await this.#prove(batch, proof, refusal);
      return refusal.code;
    };
    try {
      await this.#keepOut(batch, await isolatePoison(parcels, code, send));
    } catch (error) {
      if (!(error instanceof StoreUnavailableError)) throw error;
      throw new StoreUnavailableError(error.errorClass, error.code, true);
    }
  }

  /** Makes sure, by a record that was stored before, that the store is still well. */
  async #prove(batch: RecordBatch, proof: Parcel | undefined, error: ClassifiedError): Promise<void> {
    if (proof !== undefined && (await this.#sendParcels(batch, [proof])) === undefined) return;
    throw new StoreUnavailableError('unknown', error.code, false);
  }

  async #keepOut(batch: RecordBatch, poison: readonly Poison<Parcel>[]): Promise<void> {
    if (poison.length === 0) return;
    const refused = poison.map(({ item, code }) => ({ record: item.record, reason: code }));
    const lost = await this.#quarantine.keep(refused);
    const settle = (parcels: readonly Parcel[]) => this.#queue.settle(batch, positionsOf(parcels));
    const parcels = poison.map(({ item }) => item);
    this.#accounting.quarantined(settle(parcels.filter(({ record }) => !lost.has(record))));
    if (lost.size === 0) return;
    this.#accounting.dropped('quarantine_failed', settle(parcels.filter(({ record }) => lost.has(record))));
    for (const record of lost) this.#onLost(record);
  }
}

/** The records without lower revisions of the same; the very list when there are none, as is usual. */
function newestRevisions(records: readonly ExecutionRecord[]): readonly ExecutionRecord[] {
  const ids = new Set<string>();
  for (const { recordId } of records) ids.add(recordId);
  return ids.size === records.length ? records : parcelsFromBatch({ records }).map(({ record }) => record);
}

/** One parcel for each record id, with the highest revision; of equal ones the later. */
function parcelsFromBatch({ records }: RecordBatch): readonly Parcel[] {
  const parcels = new Map<string, Parcel>();
  records.forEach((record, position) => {
    const known = parcels.get(record.recordId);
    if (known === undefined) {
      parcels.set(record.recordId, { record, positions: [position] });
      return;
    }
    known.positions.push(position);
    if (record.rev >= known.record.rev) parcels.set(record.recordId, { record, positions: known.positions });
  });
  return [...parcels.values()];
}

function positionsOf(parcels: readonly Parcel[]): readonly number[] {
  return parcels.flatMap(({ positions }) => positions);
}
