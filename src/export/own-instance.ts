import type { ExecutionRecord, RecordSource } from '../records/execution-record.ts';
import type { Durability, LedgerReport, RecordLoss } from '../store/record-store.ts';
import { LossLog } from './loss-log.ts';
import type { DropReason } from './record-exporter.ts';

/** What a report says that only the exporter knows. */
export interface InstanceFigures {
  readonly durability: Durability;
  readonly sampledOut: number;
  /** Whether it gives out no more numbers, and all it gave out are accounted for. */
  readonly hasEnded: boolean;
}

/**
 * This life of the process as the ledger sees it: it numbers the records, and reports how many there should be and which
 * are lost, so that a query can prove what the store lacks.
 */
export class OwnInstance {
  readonly id: string = process.getBuiltinModule('node:crypto').randomUUID();
  /** Milliseconds since the Unix epoch. */
  readonly startedAt: number;
  readonly #now: () => number;
  readonly #losses: LossLog;
  #writer: RecordSource | undefined;
  #lastSeq = 0;

  /** `now` in milliseconds since the Unix epoch. `onLoss` is told of each loss that is complete. */
  constructor(now: () => number, onLoss: (loss: RecordLoss) => void) {
    this.#now = now;
    this.startedAt = now();
    this.#losses = new LossLog(now, (loss) => onLoss({ instanceId: this.id, ...loss }));
  }

  /** The highest number given out. */
  get lastSeq(): number {
    return this.#lastSeq;
  }

  /** Makes the record one of this instance; the record of an end gets the next number. */
  adopt(record: ExecutionRecord): void {
    record.instanceId = this.id;
    this.#writer ??= record.writer;
    if (record.state === 'ended') record.seq = ++this.#lastSeq;
  }

  lose(reason: DropReason, records: number, firstSeq: number, lastSeq: number): void {
    if (firstSeq > 0) this.#losses.add(reason, records, firstSeq, lastSeq);
  }

  /** Has `onLoss` told of all losses so far: none of them grows any more. */
  completeLosses(): void {
    this.#losses.pending();
  }

  /** What the store should know by now; undefined before the first record, when nobody knows whose instance it is. */
  report({ durability, sampledOut, hasEnded }: InstanceFigures): LedgerReport | undefined {
    if (this.#writer === undefined) return undefined;
    const { serviceName, serviceVersion, host, pid } = this.#writer;
    const now = this.#now();
    const instance = {
      instanceId: this.id,
      serviceName,
      serviceVersion,
      host,
      pid,
      durability,
      startedAt: this.startedAt,
      heartbeatAt: now,
      endedAt: hasEnded ? now : undefined,
      lastSeq: this.#lastSeq,
      sampledOut,
    };
    const losses = this.#losses.pending().map((loss) => ({ instanceId: this.id, ...loss }));
    return { instances: [instance], losses };
  }

  /** The store has that report. */
  reported(losses: readonly RecordLoss[]): void {
    this.#losses.reported(losses);
  }
}
