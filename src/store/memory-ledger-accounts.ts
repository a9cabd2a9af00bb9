import type { ExecutionRecord } from '../records/execution-record.ts';
import type { LedgerInstance, LedgerReport, RecordLoss } from './record-store.ts';
import { keepLoss } from './single-loss.ts';

/** What was reported of instances, and what of their records was removed since. */
export class MemoryLedgerAccounts {
  readonly #instances = new Map<string, LedgerInstance>();
  readonly #losses = new Map<string, RecordLoss>();
  readonly #pruned = new Map<string, number>();

  keep({ instances, losses }: LedgerReport): void {
    for (const told of instances) {
      const known = this.#instances.get(told.instanceId);
      this.#instances.set(told.instanceId, known === undefined ? told : merged(known, told));
    }
    for (const loss of losses) keepLoss(this.#losses, loss);
  }

  /** Counts a record that is removed, so that it does not look lost. */
  prune({ instanceId, seq }: ExecutionRecord): void {
    if (seq > 0) this.#pruned.set(instanceId, this.pruned(instanceId) + 1);
  }

  /** Forgets instances that were last known to live before `cutoff`. */
  forget(cutoff: number): void {
    for (const { instanceId, heartbeatAt } of [...this.#instances.values()]) {
      if (heartbeatAt >= cutoff) continue;
      this.#instances.delete(instanceId);
      this.#pruned.delete(instanceId);
      for (const [key, loss] of this.#losses) if (loss.instanceId === instanceId) this.#losses.delete(key);
    }
  }

  instance(instanceId: string): LedgerInstance | undefined {
    return this.#instances.get(instanceId);
  }

  instances(): readonly LedgerInstance[] {
    return [...this.#instances.values()];
  }

  losses(): readonly RecordLoss[] {
    return [...this.#losses.values()];
  }

  /** Records with a `seq` of an instance that were removed. */
  pruned(instanceId: string): number {
    return this.#pruned.get(instanceId) ?? 0;
  }
}

function merged(known: LedgerInstance, told: LedgerInstance): LedgerInstance {
  const endedAt = Math.max(
    known.endedAt ?? Number.NEGATIVE_INFINITY,
    told.endedAt ?? Number.NEGATIVE_INFINITY,
  );
  return {
    ...known,
    durability: told.durability,
    heartbeatAt: Math.max(known.heartbeatAt, told.heartbeatAt),
    lastSeq: Math.max(known.lastSeq, told.lastSeq),
    sampledOut: Math.max(known.sampledOut, told.sampledOut),
    ...(Number.isFinite(endedAt) && { endedAt }),
  };
}
